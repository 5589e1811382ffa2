import { isAbsolute } from 'node:path';
import type { z } from 'zod';
import { messageOf } from '#lib/error-message';
import type { Observation } from '#lib/observation';
import { type CheckServices, type CheckSpec, type Run, defineCheck } from './check.ts';
import { type Measurable, measure } from './log/measurements.ts';
import { logMetrics } from './log/metrics.ts';
import { hasRole, withClient } from './log/parser/format.ts';
import type { ReaderSettings } from './log/reader-settings.ts';
import { logSettings } from './log/settings.ts';
import { readState } from './log/state.ts';
import type { LogThread } from './log/thread.ts';
import { judge } from './log/verdict.ts';

/** A rename rotation leaves no log until the server has reopened it. */
const missingGraceMs = 2000;
/** Large enough for the speed of the disk, small enough to let the logs of other checks have their turn. */
const sliceBytes = 1024 ** 2;
/** Share of the deadline that a run reads for; a longer backlog is read by several runs. */
const readingShare = 0.8;

type Settings = z.output<typeof logSettings>;

export const log = defineCheck({
  type: 'log',
  summary:
    'Follows the access log of a web server, and counts its requests, clients, bytes and times.',
  settings: logSettings,
  metrics: logMetrics,
  validateTarget: (target) =>
    isAbsolute(target) ? undefined : 'expected an absolute path, such as /var/log/nginx/access.log',
  async create(spec, services) {
    const thread = await services.shared('log-thread', async () => {
      const { LogThread } = await import('./log/thread.ts');
      return new LogThread();
    });
    const reader = thread.open(readerSettings(spec));
    return {
      run: (run) => look({ spec, services, thread, reader }, run),
      [Symbol.asyncDispose]: async () => thread.close(reader),
    };
  },
});

interface Subject {
  readonly spec: CheckSpec<Settings>;
  readonly services: CheckServices;
  readonly thread: LogThread;
  /** The number the thread knows the log by. */
  readonly reader: number;
}

async function look({ spec, services, thread, reader }: Subject, run: Run): Promise<Observation> {
  run.waiting();
  const state = readState(run.state);
  if (state === 'newer') {
    return unknown(
      'the position in the log was written by a newer farpoint: run that one, or remove its data',
    );
  }
  const order = { state, nowMs: services.clock.unixMs(), budgetMs: spec.timeoutMs * readingShare };
  try {
    const reading = await thread.read(reader, order, run.signal);
    const nowMs = services.clock.unixMs();
    const { settings } = spec;
    const values = valuesOf(settings);
    const expectations = { expect: settings.expect, values, windowMs: settings.window };
    return {
      verdict: judge(reading, expectations, nowMs),
      measurements: measure(reading, { ...measurableOf(settings), values }, nowMs),
      state: reading.state,
    };
  } catch (error) {
    return unknown(`cannot read the log: ${messageOf(error)}`);
  }
}

function unknown(message: string): Observation {
  return { verdict: { status: 'unknown', error: 'agent_error', message }, measurements: [] };
}

function readerSettings({ target, settings }: CheckSpec<Settings>): ReaderSettings {
  const { format, clients, routes, start, rotated } = settings;
  const client = format.kind === 'layout' ? clients.field : undefined;
  return {
    target,
    rotated,
    format: format.kind === 'layout' && client !== undefined ? withClient(format, client) : format,
    routes,
    values: valuesOf(settings),
    start,
    lineBytesMax: settings.line,
    clientsMax: clients.max,
    windowMs: settings.window,
    missingGraceMs,
    sliceBytes,
  };
}

function valuesOf({ values }: Settings) {
  return Object.entries(values).map(([name, value]) => ({
    ...value,
    name,
    field: value.field ?? name,
  }));
}

function measurableOf({ format, clients }: Settings): Pick<Measurable, 'clients' | 'connections'> {
  return {
    clients: hasRole(format, 'client') || clients.field !== undefined,
    connections: hasRole(format, 'connection'),
  };
}
