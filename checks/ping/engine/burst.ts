import type { EchoError, EchoPlan, EchoReply, EchoReport } from '../pinger.ts';

/** Enough to tell a reply to an earlier owner of our identifier from a damaged reply to us. */
const nonceBytes = 8;

/** Two clocks are not read at the same instant. */
const toleranceMs = 1;

/** What is known of a reply beside which packet it answers. */
export interface Arrival {
  /** When it was fetched (monotonic). */
  readonly nowMs: number;
  /** The kernel's wall clock when it came; undefined if there is no stamp. */
  readonly stampMs: number | undefined;
  readonly hopLimit: number | undefined;
}

/** The packets of one run to one address: what was sent, and what is known of it. */
export class Burst {
  readonly plan: EchoPlan;
  /** The target's address, four or sixteen bytes. */
  readonly ip: Uint8Array;
  readonly finished: Promise<void>;
  isOver = false;
  readonly #payload: Uint8Array;
  readonly #finish: () => void;
  /** By packet: when it was handed to the kernel (monotonic), and when it left (wall clock). */
  readonly #sentMs: Float64Array;
  readonly #leftWallMs: Float64Array;
  /** NaN while there is no reply. */
  readonly #roundTripsMs: Float64Array;
  /** Zero if it is not known. */
  readonly #hopLimits: Uint8Array;
  readonly #errors = new Map<string, EchoError>();
  #attempted = 0;
  #received = 0;
  #reordered = 0;
  #newest = -1;
  #stepMs = 0;
  #overflowed = false;

  constructor(plan: EchoPlan, ip: Uint8Array, payload: Uint8Array) {
    this.plan = plan;
    this.ip = ip;
    this.#payload = payload;
    this.#sentMs = new Float64Array(plan.count);
    this.#leftWallMs = new Float64Array(plan.count);
    this.#roundTripsMs = new Float64Array(plan.count).fill(Number.NaN);
    this.#hopLimits = new Uint8Array(plan.count);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
  }

  /** Packets handed to the kernel, or refused by it. */
  get attempted(): number {
    return this.#attempted;
  }

  /** Whether packets remain to be sent. */
  get isSending(): boolean {
    return !this.isOver && this.#attempted < this.plan.count;
  }

  /** Notes when the next packet was handed to the kernel, by monotonic and by wall clock. */
  sent(nowMs: number, wallMs: number): void {
    this.#sentMs[this.#attempted] = nowMs;
    this.#leftWallMs[this.#attempted] = wallMs;
    this.#attempted++;
  }

  /** The kernel's own word for when packet `index` left. */
  left(index: number, wallMs: number): void {
    this.#leftWallMs[index] = wallMs;
  }

  /** Somebody has set the wall clock: what was noted by it is moved along. */
  clockStepped(stepMs: number): void {
    this.#stepMs = stepMs;
    for (const [index, wallMs] of this.#leftWallMs.entries()) this.left(index, wallMs + stepMs);
  }

  /** Tells a reply to us from one to an earlier owner of our identifier, by what it brought back. */
  compare(bytes: Uint8Array, start: number, end: number): 'ours' | 'corrupted' | 'foreign' {
    const payload = this.#payload;
    let nonceDiffers = false;
    let restDiffers = end - start !== payload.length;
    for (let index = 0; index < payload.length && start + index < end; index++) {
      if (bytes[start + index] === payload[index]) continue;
      if (index < nonceBytes) nonceDiffers = true;
      else restDiffers = true;
    }
    if (nonceDiffers && restDiffers) return 'foreign';
    return nonceDiffers || restDiffers ? 'corrupted' : 'ours';
  }

  /** Takes the reply to packet `index`; with all replies the burst is over. */
  replied(index: number, { nowMs, stampMs, hopLimit }: Arrival): void {
    const { waitMs, stragglers, count } = this.plan;
    const roundTripMs = this.#roundTripMs(index, stampMs, nowMs);
    if (this.#isAnswered(index)) {
      stragglers.duplicate++;
    } else if (this.isOver || roundTripMs > waitMs) {
      stragglers.late++;
    } else {
      this.#roundTripsMs[index] = roundTripMs;
      this.#hopLimits[index] = hopLimit ?? 0;
      this.#received++;
      if (index < this.#newest) this.#reordered++;
      this.#newest = Math.max(this.#newest, index);
      if (this.#received === count) this.end();
    }
  }

  corrupted(): void {
    this.plan.stragglers.corrupted++;
  }

  failed(error: EchoError): void {
    if (!this.isOver) this.#errors.set(error.message, error);
  }

  overflowed(): void {
    this.#overflowed = true;
  }

  end(): void {
    this.isOver = true;
    this.#finish();
  }

  /** What is known at `nowMs`. Takes the stragglers, of earlier runs too, with it. */
  report(nowMs: number, setupMs: number): EchoReport {
    const { stragglers } = this.plan;
    const counts = { ...stragglers };
    Object.assign(stragglers, { duplicate: 0, late: 0, corrupted: 0 });
    return {
      ...counts,
      sent: this.#known(nowMs) || this.#attempted,
      replies: this.#replies(),
      reordered: this.#reordered,
      errors: [...this.#errors.values()],
      setupMs,
      overflowed: this.#overflowed,
    };
  }

  #isAnswered(index: number): boolean {
    return !Number.isNaN(this.#roundTripsMs[index]);
  }

  /** How many packets were answered, or have waited long enough. */
  #known(nowMs: number): number {
    const sent = this.#sentMs.subarray(0, this.#attempted);
    const { waitMs } = this.plan;
    return sent.filter((sentMs, index) => this.#isAnswered(index) || nowMs - sentMs >= waitMs)
      .length;
  }

  #replies(): EchoReply[] {
    return Array.from(this.#roundTripsMs, (roundTripMs, index) => ({
      roundTripMs,
      hopLimit: this.#hopLimits[index] || undefined,
    })).filter(({ roundTripMs }) => !Number.isNaN(roundTripMs));
  }

  /**
   * The kernel's stamps are of the wall clock. A reply that was stamped before that clock was set, and
   * read after, would have a round trip below zero or longer than has passed since it was sent.
   */
  #roundTripMs(index: number, stampMs: number | undefined, nowMs: number): number {
    const elapsedMs = nowMs - (this.#sentMs[index] ?? nowMs);
    if (stampMs === undefined) return elapsedMs;
    const measuredMs = stampMs - (this.#leftWallMs[index] ?? stampMs);
    if (measuredMs >= 0 && measuredMs <= elapsedMs + toleranceMs) return measuredMs;
    return Math.min(Math.max(measuredMs + this.#stepMs, 0), elapsedMs);
  }
}
