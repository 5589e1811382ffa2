import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { type Observation, type Verdict } from '#lib/observation';
import { duration, size } from '#lib/scalars';
import { type CheckServices, type CheckSpec, type Run, defineCheck } from './check.ts';
import { type Layout, parseLogFormat, presetNames, presets } from './log/format.ts';
import { logMetrics } from './log/metrics.ts';
import { type LogReading } from './log/reading.ts';
import { type LogWorker } from './log/log-worker.ts';
import { measure } from './log/measurements.ts';
import { routeProblem } from './log/routes.ts';
import { type LogSettings } from './log/settings.ts';
import { readState } from './log/state.ts';
import { statusClasses } from './log/tally.ts';
import { windowTotals } from './log/window.ts';

const nginxFormat = z
  .string()
  .transform((text, context): Layout => {
    try {
      return parseLogFormat(text);
    } catch (error) {
      context.addIssue({
        code: 'custom',
        message: error instanceof Error ? error.message : String(error),
      });
      return z.NEVER;
    }
  })
  .describe('An nginx log_format: the bare format, or the directive pasted from nginx.conf');

const settings = z.strictObject({
  format: z
    .union([
      z.strictObject({ preset: z.enum(presetNames).describe('A format that many servers write') }),
      z.strictObject({ nginx: nginxFormat }),
    ])
    .transform((format) =>
      'preset' in format ? parseLogFormat(presets[format.preset]) : format.nginx,
    )
    .prefault({ preset: 'nginx-combined' })
    .describe('How the lines are written'),
  start: z
    .enum(['end', 'beginning'])
    .default('end')
    .describe('Where the very first run starts; later ones go on where the last one stopped'),
  routes: z
    .array(
      z.string().superRefine((pattern, context) => {
        const message = routeProblem(pattern);
        if (message !== undefined) context.addIssue({ code: 'custom', message });
      }),
    )
    .max(100)
    .default([])
    .describe(
      'Patterns of paths to tell apart, such as /datasets/:id; all other requests are the route other',
    ),
  line: size
    .refine((bytes) => bytes >= 256 && bytes <= 1024 ** 2, 'expected 256B to 1MiB')
    .prefault('64KiB')
    .describe('A longer line is not parsed but counted as oversize'),
  clients: z
    .strictObject({
      max: z
        .int()
        .min(1)
        .max(10_000_000)
        .default(1_000_000)
        .describe('How many clients are told apart in one run'),
    })
    .prefault({})
    .describe('How clients are counted'),
  window: duration
    .refine((ms) => ms >= 10_000 && ms <= 86_400_000, 'expected 10s to 1d')
    .prefault('5m')
    .describe('What time expectations look back over, by the times of the lines'),
  expect: z
    .strictObject({
      errors: z
        .strictObject({ max: z.number().min(0).max(1).describe('Share of requests, from 0 to 1') })
        .optional()
        .describe('How many of the requests of the window may be answered 5xx'),
      silence: duration.optional().describe('How long the log may be without a new line'),
    })
    .prefault({})
    .describe('What makes a run up'),
});
type Settings = z.output<typeof settings>;

export const log = defineCheck({
  type: 'log',
  summary:
    'Follows the access log of a web server, and counts its requests, clients, bytes and times.',
  settings,
  metrics: logMetrics,
  validateTarget: (target) =>
    isAbsolute(target) ? undefined : 'expected an absolute path, such as /var/log/nginx/access.log',
  async create(spec, services) {
    const worker = await services.shared('log-worker', async () => {
      const { LogWorker } = await import('./log/log-worker.ts');
      return new LogWorker();
    });
    const { target, settings } = spec;
    const reader = worker.open(readerSettings(target, settings));
    return {
      run: (run) => look({ spec, services, worker, reader }, run),
      [Symbol.asyncDispose]: async () => worker.close(reader),
    };
  },
});

interface Subject {
  readonly spec: CheckSpec<Settings>;
  readonly services: CheckServices;
  readonly worker: LogWorker;
  /** The number the worker knows the log by. */
  readonly reader: number;
}

/** A rename rotation leaves no log until the server has reopened it. */
const missingGraceMs = 2000;
/** Large enough for the speed of the disk, small enough to let the logs of other checks have their turn. */
const sliceBytes = 1024 ** 2;
/** Share of the deadline that a run reads for; a longer backlog is read by several runs. */
const readingShare = 0.8;

async function look({ spec, services, worker, reader }: Subject, run: Run): Promise<Observation> {
  run.waiting();
  const state = readState(run.state);
  if (state === 'newer') {
    const message =
      'the position in the log was written by a newer farpoint; run that one, or remove the state';
    return { verdict: { status: 'unknown', error: 'agent_error', message }, measurements: [] };
  }
  const order = { state, nowMs: services.clock.unixMs(), budgetMs: spec.timeoutMs * readingShare };
  try {
    const reading = await worker.read(reader, order, run.signal);
    const nowMs = services.clock.unixMs();
    return {
      verdict: judge(reading, spec.settings, nowMs),
      measurements: measure(reading, nowMs),
      state: reading.state,
    };
  } catch (error) {
    const message = `the log could not be read: ${error instanceof Error ? error.message : String(error)}`;
    return { verdict: { status: 'unknown', error: 'agent_error', message }, measurements: [] };
  }
}

function readerSettings(target: string, settings: Settings): LogSettings {
  return {
    target,
    format: settings.format,
    routes: settings.routes,
    start: settings.start,
    lineBytesMax: settings.line,
    clientsMax: settings.clients.max,
    windowMs: settings.window,
    missingGraceMs,
    sliceBytes,
  };
}

function judge(reading: LogReading, { expect }: Settings, nowMs: number): Verdict {
  const { problem, state } = reading;
  if (problem?.kind === 'missing')
    return { status: 'down', error: 'log_missing', message: problem.message };
  if (problem !== undefined)
    return { status: 'unknown', error: 'log_unreadable', message: problem.message };
  const quietMs = nowMs - (state.lastLineUnixMs ?? nowMs);
  if (expect.silence !== undefined && quietMs > expect.silence && caughtUp(reading)) {
    const message = `no new line for ${seconds(quietMs)}, expected one at least every ${seconds(expect.silence)}`;
    return { status: 'down', error: 'log_silent', message };
  }
  const { classes } = windowTotals(state.window);
  const requests = classes.reduce((total, count) => total + count, 0);
  const errors = classes[statusClasses.indexOf('5xx')] ?? 0;
  if (expect.errors !== undefined && requests > 0 && errors / requests > expect.errors.max) {
    const message = `errors: ${errors} of ${requests} requests answered 5xx (${percent(errors / requests)}), expected at most ${percent(expect.errors.max)}`;
    return { status: 'down', error: 'log_threshold', message };
  }
  return { status: 'up' };
}

/** With a backlog, the newest line read says nothing of the newest line there is. */
function caughtUp({ backlogBytes }: LogReading): boolean {
  return backlogBytes < 1024 ** 2;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
