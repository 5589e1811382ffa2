import { keepHouse } from './housekeeping.ts';
import { type AgentOptions, type AgentParts, openParts } from './parts.ts';
import { follow } from './runs/runner.ts';

/** Docker gives a container ten seconds to stop; these two, one after the other, stay below. */
const runGraceMs = 4000;
const exportGraceMs = 3000;
/** A collector that has taken nothing for as long will take nothing more. */
const stalledMs = 750;

/**
 * Runs the checks and delivers what they saw until `stop` aborts; then lets runs end, has everything on
 * disk, and sends what can be sent in a moment. Rejects only when it cannot start: the data folder
 * cannot be used, or another process has it.
 */
export async function runAgent(options: AgentOptions, stop: AbortSignal): Promise<void> {
  await using resources = new AsyncDisposableStack();
  const parts = await openParts(options, resources);
  const { followers, exporter, clock } = parts;
  const end = new AbortController();
  const exporting = exporter.run(end.signal);
  const keeping = keepHouse(parts, end.signal);
  try {
    await follow(followers, { clock, graceMs: runGraceMs }, stop);
    await sendTheRest(parts, end.signal);
  } finally {
    end.abort();
    await Promise.all([exporting, keeping]);
  }
}

/** While the collector takes it: what stays is on disk and goes with the next start. */
async function sendTheRest(
  { outbox, exporter, clock }: AgentParts,
  signal: AbortSignal,
): Promise<void> {
  const endMs = clock.monotonicMs() + exportGraceMs;
  let waiting = outbox.statistics.records;
  let takenMs = clock.monotonicMs();
  while (waiting > 0 && exporter.statistics.trouble === undefined) {
    const nowMs = clock.monotonicMs();
    if (nowMs > endMs || nowMs - takenMs > stalledMs) return;
    await clock.sleep(20, signal);
    const { records } = outbox.statistics;
    if (records < waiting) takenMs = clock.monotonicMs();
    waiting = records;
  }
}
