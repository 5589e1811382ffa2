import type { Clock } from '#lib/clock';
import type { Logger } from '#lib/log';
import { Throttle } from '#lib/throttle';
import type { Batch, Delivery } from '../sinks/sink.ts';

export interface ItemCount {
  readonly points: number;
  readonly logs: number;
}

/** What became of everything since the start, for /metrics. */
export interface ForwarderStatistics {
  readonly delivered: ItemCount;
  /** Refused for good, and kept in the dead letters. */
  readonly deadLettered: ItemCount;
  /** Refused as something the backend has already. */
  readonly repeated: ItemCount;
  readonly retries: number;
  readonly rejections: number;
  readonly lastSuccessUnixMs: number | undefined;
  /** Since when every try has failed; undefined while all is well. */
  readonly failingSinceUnixMs: number | undefined;
  readonly lastError: string | undefined;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

const none: ItemCount = { points: 0, logs: 0 };

/** How often the same is said again. */
const outageEveryMs = 300_000;
const setAsideEveryMs = 60_000;

/** Counts what a forwarder does, and tells the log when that changes for better or worse. */
export class ForwarderProgress {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #statistics: Mutable<ForwarderStatistics> = {
    delivered: none,
    deadLettered: none,
    repeated: none,
    retries: 0,
    rejections: 0,
    lastSuccessUnixMs: undefined,
    failingSinceUnixMs: undefined,
    lastError: undefined,
  };
  readonly #outageReports: Throttle;
  readonly #setAsideReports: Throttle;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
    this.#outageReports = new Throttle(outageEveryMs, clock);
    this.#setAsideReports = new Throttle(setAsideEveryMs, clock);
  }

  get statistics(): ForwarderStatistics {
    return this.#statistics;
  }

  attempted(batch: Batch, delivery: Delivery): void {
    switch (delivery.kind) {
      case 'delivered':
        this.#statistics.delivered = plus(this.#statistics.delivered, batch);
        this.#recovered();
        break;
      case 'rejected':
        this.#statistics.rejections++;
        this.#statistics.lastError = delivery.error.message;
        break;
      case 'retry':
        this.failed(delivery.error);
    }
  }

  /** Something will be tried again. */
  failed(error: Error): void {
    this.#statistics.retries++;
    this.#statistics.lastError = error.message;
    this.#statistics.failingSinceUnixMs ??= this.#clock.unixMs();
    if (!this.#outageReports.admits()) return;
    this.#log.warn({ error }, 'cannot deliver; everything is kept and tried again');
  }

  setAside(batch: Batch, error: Error, repeated: boolean): void {
    const kind = repeated ? 'repeated' : 'deadLettered';
    this.#statistics[kind] = plus(this.#statistics[kind], batch);
    if (repeated || !this.#setAsideReports.admits()) return;
    this.#log.error(
      { error, ...this.#statistics.deadLettered },
      'the backend refuses data; they are kept in the dead letters',
    );
  }

  #recovered(): void {
    const { failingSinceUnixMs } = this.#statistics;
    const nowUnixMs = this.#clock.unixMs();
    this.#statistics.lastSuccessUnixMs = nowUnixMs;
    if (failingSinceUnixMs === undefined) return;
    this.#statistics.failingSinceUnixMs = undefined;
    this.#outageReports.reset();
    this.#log.info({ afterMs: nowUnixMs - failingSinceUnixMs }, 'delivering again');
  }
}

function plus(count: ItemCount, { points, logs }: Batch): ItemCount {
  return { points: count.points + points.length, logs: count.logs + logs.length };
}
