import { history, HistorySink } from '#collector/sinks/history';
import type { Batch } from '#collector/sinks/sink';
import type { Clock } from '#lib/clock';
import type { Verdict } from '#lib/observation';
import { encodeResult, type Result, type SeriesMemory } from '#lib/results';
import { QuickClock } from '../clocks/quick-clock.ts';

/** A history named `page` in a folder of the test's own. */
export function openHistory(
  dataDirectory: string,
  settings: object = {},
  clock: Clock = new QuickClock(),
): Promise<HistorySink> {
  return HistorySink.open({
    name: 'page',
    settings: history.settings.parse(settings) as Parameters<
      typeof HistorySink.open
    >[0]['settings'],
    labels: { team: 'nobody', environment: 'test' },
    dataDirectory,
    clock,
  });
}

/** A run of 125 ms, valid for 15 s. */
export function runAt(
  unixMs: number,
  verdict: Verdict,
  subject: Partial<Result['subject']> = {},
): Result {
  return {
    subject: {
      check: 'home',
      type: 'http',
      service: 'clowder',
      target: 'https://clowder.example.org/',
      region: 'eu-west',
      agent: 'eu-west-1',
      labels: { team: 'web' },
      ...subject,
    },
    run: `run-${unixMs}`,
    startedUnixMs: unixMs,
    durationMs: 125,
    timeoutMs: 5_000,
    validUntilUnixMs: unixMs + 15_000,
    observation: {
      verdict,
      measurements: [],
      evidence: { address: '192.0.2.7', attempts: 1 },
    },
    declarations: [],
  };
}

/** Runs of one target as an agent encodes them. */
export function batchOf(results: readonly Result[]): Batch {
  let memory: SeriesMemory | undefined;
  const encoded = results.map((result) => {
    const one = encodeResult(result, memory);
    memory = one.memory;
    return one;
  });
  return {
    points: encoded.flatMap(({ points }) => points),
    logs: encoded.flatMap(({ logs }) => logs),
  };
}
