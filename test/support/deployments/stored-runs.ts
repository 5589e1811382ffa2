import { parseExport, type StoredSeries } from './backend.ts';

/** One run as the backend has it. */
export interface StoredRun {
  readonly region: string;
  readonly target: string;
  readonly unixMs: number;
  readonly verdict: string;
  /** Unknown because this machine was too busy to judge: true, but not what a scenario is about. */
  readonly overloaded: boolean;
}

/** The runs that agents delivered, as VictoriaMetrics has them. */
export class StoredRuns {
  readonly #url: string;
  readonly #ask: (url: string) => Promise<string>;

  constructor(url: string, ask: (url: string) => Promise<string>) {
    this.#url = url;
    this.#ask = ask;
  }

  /** Every run, those that are there twice twice; of those that began after a time. */
  async runs(afterUnixMs = 0): Promise<readonly StoredRun[]> {
    const errors = await this.#series('probe_error{error_type="agent_overloaded"}', afterUnixMs);
    const overloaded = new Set(
      errors.flatMap(({ labels, samples }) => samples.map(([unixMs]) => keyOf(labels, unixMs))),
    );
    const verdicts = await this.#series('probe_verdict', afterUnixMs);
    return verdicts.flatMap(({ labels, samples }) =>
      samples
        .filter(([, value]) => value === 1)
        .map(([unixMs]) => ({
          region: labels['region'] ?? '',
          target: labels['instance'] ?? '',
          unixMs,
          verdict: labels['verdict'] ?? '',
          overloaded: overloaded.has(keyOf(labels, unixMs)),
        })),
    );
  }

  /** How many runs each region's agent has completed, by its own count. */
  async completed(): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {};
    for (const { labels, samples } of await this.#series('farpoint_runs_completed_total', 0)) {
      const region = labels['region'] ?? '';
      counts[region] = (counts[region] ?? 0) + Math.max(0, ...samples.map(([, value]) => value));
    }
    return counts;
  }

  async #series(selector: string, afterUnixMs: number): Promise<StoredSeries[]> {
    await this.#ask(`${this.#url}/internal/force_flush`);
    // Unless told otherwise it leaves out the second it is in, and what is dated later.
    const end = Math.ceil(Date.now() / 1000) + 3600;
    const match = `match[]=${encodeURIComponent(selector)}`;
    const range = `start=${afterUnixMs / 1000}&end=${end}`;
    return parseExport(await this.#ask(`${this.#url}/api/v1/export?${match}&${range}`));
  }
}

function keyOf(labels: StoredSeries['labels'], unixMs: number): string {
  return `${labels['region']} ${labels['instance']} ${unixMs}`;
}
