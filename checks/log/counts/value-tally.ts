import type { ValueSettings } from '../reader-settings.ts';
import type { ValueGain } from './gains.ts';

/** What the numbers of one configured field come to within a run. */
export class ValueTally {
  readonly #slot: number;
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #count = 0;
  #sum = 0;
  #last: number | undefined;

  /** `slot` is where a line has the number. */
  constructor({ buckets }: ValueSettings, slot: number) {
    this.#slot = slot;
    this.#bounds = buckets;
    this.#counts = Array.from({ length: buckets.length + 1 }, () => 0);
  }

  add(numbers: Float64Array): void {
    const value = numbers[this.#slot] ?? Number.NaN;
    if (Number.isNaN(value)) return;
    this.#count++;
    this.#sum += value;
    this.#last = value;
    let bucket = 0;
    while (value > (this.#bounds[bucket] ?? Number.POSITIVE_INFINITY)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
  }

  gain(): ValueGain {
    return { count: this.#count, sum: this.#sum, last: this.#last, counts: this.#counts };
  }
}
