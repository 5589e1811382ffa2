import { performance } from 'node:perf_hooks';
import type { Clock } from '#lib/clock';

let newest: { readonly round: number; readonly clock: Clock; readonly ms: number } | undefined;

/**
 * When the event loop learned of what it is calling back for, in the clock's monotonic milliseconds. One
 * wait of the loop may bring a hundred events, which are then handled one after the other; all of them
 * had happened when it woke, so the turn each has to wait for is ours and not the network's. Between two
 * waits there is one reading, taken by whoever asks first: to be asked in answer to the network.
 */
export function arrivalMs(clock: Clock): number {
  // libuv counts a round immediately before it waits (uv_metrics_info: loop_count).
  const { loopCount: round } = performance.nodeTiming.uvMetricsInfo;
  if (newest?.round !== round || newest.clock !== clock) {
    newest = { round, clock, ms: clock.monotonicMs() };
  }
  return newest.ms;
}
