import type { Clock } from '#lib/clock';
import type { Attributes, MetricPoint } from '#lib/otlp/model';

/** What sent nothing for one to two such periods no longer counts. */
const periodMs = 3_600_000;

/**
 * Bounds how many different series one key may have at a time, since each costs every backend memory.
 * A histogram is one series. Only 32-bit hashes are remembered: that two of 50,000 series share one
 * does no harm.
 */
export class SeriesLimit {
  readonly #clock: Clock;
  readonly #max: number;
  /** Seen in this period; at most twice the limit. */
  #current = new Set<number>();
  #previous: ReadonlySet<number> = new Set();
  #periodEndMs: number;

  constructor(max: number, clock: Clock) {
    this.#max = max;
    this.#clock = clock;
    this.#periodEndMs = clock.monotonicMs() + periodMs;
  }

  /** For the points of one request: says whether one is of a known series, or of a new one that there is room for. */
  admission(): (point: MetricPoint) => boolean {
    this.#startPeriodWhenDue();
    // Points of one request share their attributes and names.
    const hashes = new Map<Attributes | string, number>();
    const hashOf = (part: Attributes | string): number => {
      const known = hashes.get(part);
      if (known !== undefined) return known;
      const hash = typeof part === 'string' ? hashText(part) : hashAttributes(part);
      hashes.set(part, hash);
      return hash;
    };
    return ({ name, resource, attributes }) =>
      this.#admits(combine(hashOf(name), combine(hashOf(resource), hashOf(attributes))));
  }

  #admits(series: number): boolean {
    if (this.#current.has(series)) return true;
    if (this.#current.size >= this.#max && !this.#previous.has(series)) return false;
    this.#current.add(series);
    return true;
  }

  #startPeriodWhenDue(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs < this.#periodEndMs) return;
    this.#previous = this.#current;
    this.#current = new Set();
    this.#periodEndMs = nowMs + periodMs;
  }
}

/** The order of attributes is of no meaning, so that their hashes are added up. */
function hashAttributes(attributes: Attributes): number {
  return Object.entries(attributes).reduce(
    (sum, [key, value]) => (sum + combine(hashText(key), hashText(String(value)))) | 0,
    0,
  );
}

/** FNV-1a over UTF-16 units. */
function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash;
}

function combine(left: number, right: number): number {
  const mixed = Math.imul(left, 0x9e3779b1) ^ right;
  return Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
}
