import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { type AgentStatus, writeAgentStatus } from '#lib/agent-status';
import type { AgentReadings } from './agent-metrics.ts';
import { createLookup } from '#checks/net/lookup';
import type { AgentParts } from './parts.ts';

const intervalMs = 1000;
/** The status is written this often even where nothing changed: whoever reads it sees a sign of life. */
const statusIntervalMs = 10_000;
/** How long the end may wait for a last export. */
const lastExportMs = 500;
const never = new AbortController().signal;

/**
 * What goes on beside the checks until the signal aborts: one summary of the start, the status file, and
 * the agent's own telemetry.
 */
export async function keepHouse(parts: AgentParts, signal: AbortSignal): Promise<void> {
  await Promise.all([
    summarise(parts, signal),
    keepStatus(parts, signal),
    keepTelemetry(parts, signal),
  ]);
}

async function summarise(parts: AgentParts, signal: AbortSignal): Promise<void> {
  const { configuration, outbox, log, version } = parts;
  const { plans, skipped, fleet } = configuration;
  const { records, bytes, ageMs } = outbox.statistics;
  const fields = {
    version,
    fleet: fleet.hash,
    checks: new Set(plans.map(({ check }) => check)).size,
    targets: plans.length,
    skipped,
    collector: await tryCollector(parts, signal),
    backlog: { records, bytes, ageSeconds: Math.round(ageMs / 1000) },
  };
  log.info(fields, 'the agent runs');
}

/** `reachable`, or why not. */
async function tryCollector({ clients }: AgentParts, signal: AbortSignal): Promise<string> {
  try {
    const outcome = await clients[0]?.send({ kind: 'metrics', body: new Uint8Array() }, signal);
    return outcome === undefined || outcome.kind === 'delivered' ? 'reachable' : outcome.message;
  } catch {
    return 'not known: the agent was stopped';
  }
}

async function keepStatus(parts: AgentParts, signal: AbortSignal): Promise<void> {
  const { clock, log, configuration } = parts;
  let written: Omit<AgentStatus, 'updatedUnixMs'> | undefined;
  let writtenMs = 0;
  let failing = false;
  do {
    await clock.sleep(intervalMs, signal).catch(() => undefined);
    const status = statusOf(parts);
    const fresh = clock.monotonicMs() - writtenMs < statusIntervalMs;
    if (fresh && isDeepStrictEqual(status, written)) continue;
    try {
      const updatedUnixMs = clock.unixMs();
      await writeAgentStatus(configuration.dataDirectory, { ...status, updatedUnixMs });
      written = status;
      writtenMs = clock.monotonicMs();
      failing = false;
    } catch (error) {
      if (!failing) log.warn({ error }, 'the status file cannot be written');
      failing = true;
    }
  } while (!signal.aborted);
}

function statusOf({ outbox, exporter }: AgentParts): Omit<AgentStatus, 'updatedUnixMs'> {
  const { records, bytes } = outbox.statistics;
  const { lastSuccessUnixMs = null, trouble = null } = exporter.statistics;
  return { version: 1, outbox: { blocks: records, bytes }, export: { lastSuccessUnixMs, trouble } };
}

/** Loads the OpenTelemetry SDK only after the first run: that takes its time, and blocks the event loop. */
async function keepTelemetry(parts: AgentParts, signal: AbortSignal): Promise<void> {
  const { clock, configuration, version, followers, outbox, exporter, log } = parts;
  const startedUnixMs = clock.unixMs();
  while (!followers.some(({ account }) => account.count('completed') > 0)) {
    await clock.sleep(intervalMs, signal).catch(() => undefined);
    if (signal.aborted) return;
  }
  const { urls, key } = configuration.collector;
  // Not the signal: the last export comes after it.
  const lookups = new AbortController();
  try {
    const { startTelemetry } = await import('./telemetry.ts');
    const telemetry = startTelemetry({
      identity: configuration,
      version,
      url: urls[0] ?? '',
      key,
      read: () => readingsOf(parts, startedUnixMs),
      lookup: createLookup(lookups.signal),
    });
    if (!signal.aborted) await once(signal, 'abort');
    // Its last export would only hold up the end of an agent whose collector takes nothing.
    if (outbox.statistics.records > 0 || exporter.statistics.trouble !== undefined) return;
    await Promise.race([telemetry.shutdown(), clock.sleep(lastExportMs, never)]);
  } catch (error) {
    log.warn({ error }, "the agent's own telemetry does not work; checks go on");
  } finally {
    lookups.abort();
  }
}

function readingsOf(parts: AgentParts, startedUnixMs: number): AgentReadings {
  const { outbox, exporter, loop, followers } = parts;
  return {
    outbox: outbox.statistics,
    export: exporter.statistics,
    runsInFlight: followers.reduce((sum, { account }) => sum + account.inFlight, 0),
    loopBlockedMs: loop.blockedMs(),
    residentBytes: process.memoryUsage.rss(),
    startedUnixMs,
  };
}
