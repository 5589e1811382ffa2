/** Declares a metric the collector has of itself, once, where it is made. */
export interface CollectorMetric {
  readonly name: string;
  readonly kind: 'counter' | 'gauge';
  /** Beside `collector`, which every sample has. */
  readonly labels: readonly string[];
  readonly description: string;
}

/** Label values by name. */
export type Labels = Readonly<Record<string, string>>;

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
}

/** A metric with all its samples of one moment. */
export interface MetricFamily {
  readonly metric: CollectorMetric;
  readonly samples: readonly Sample[];
}

/** A counter with one number for every combination of labels it has met. */
export class LabelledCounter {
  readonly metric: CollectorMetric;
  readonly #values = new Map<string, { readonly labels: Labels; value: number }>();

  /** Combinations that are known beforehand start at 0, so that their first increase is seen as one. */
  constructor(metric: Omit<CollectorMetric, 'kind'>, known: readonly Labels[] = []) {
    this.metric = { ...metric, kind: 'counter' };
    for (const labels of known) this.add(0, labels);
  }

  add(amount: number, labels: Labels): void {
    const key = JSON.stringify(Object.values(labels));
    const known = this.#values.get(key);
    if (known === undefined) this.#values.set(key, { labels, value: amount });
    else known.value += amount;
  }

  get samples(): readonly Sample[] {
    return [...this.#values.values()];
  }
}
