import { BackOff } from '#lib/back-off';
import type { Clock } from '#lib/clock';
import { messageOf } from '#lib/error-message';
import type { Logger } from '#lib/log';
import type { CollectorClient, Outcome } from './export/collector-client.ts';
import { quarantine } from './export/quarantine.ts';
import type { Outbox, OutboxEntry } from './outbox.ts';

/*
 * Sends what is in the outbox, strictly oldest first, one request at a time.
 *
 * A batch is as many records as fit; their requests are one request when put behind each other, since
 * all fields of an OTLP export request are repeated. First its logs go, then its metrics, so that nobody
 * sees a verdict before the reason for it; it is deleted only when all of it was answered with success,
 * or set aside. So an answer that got lost, or a crash, makes us send again what is there already; a
 * Farpoint collector then says how far it holds this outbox, and we go on from there.
 *
 * A refusal is never taken for the data's fault as long as it may be the endpoint's: a record is set
 * aside only when it is refused alone while an empty request is taken.
 */

/** Of records on disk, deflated, in one batch: some megabytes of OTLP. */
const batchBytesMax = 256 * 1024;
/** Rest when there is nothing more, so that a steady trickle makes few requests instead of many. */
const gatherMs = 200;

export interface ExporterOptions {
  readonly outbox: Pick<Outbox, 'id' | 'read' | 'acknowledge' | 'statistics'>;
  /** Tried in this order; the one that works is kept. */
  readonly clients: readonly CollectorClient[];
  readonly quarantineDirectory: string;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface ExportStatistics {
  readonly lastSuccessUnixMs: number | undefined;
  /** Why nothing is delivered at present; undefined while delivery works. */
  readonly trouble: string | undefined;
  /** Requests that were not answered with success. */
  readonly failures: number;
  /** Points and log records that were taken with reservations: they can never be accepted. */
  readonly rejectedItems: number;
  readonly quarantinedRecords: number;
}

type Kind = 'metrics' | 'logs';

/** Records that are sent in one request, with the outbox's positions of the first and the last. */
interface Part {
  readonly kind: Kind;
  readonly entries: readonly OutboxEntry[];
  readonly first: number;
  readonly last: number;
  /** The newest position the outbox had when the batch was read, or a later one. */
  readonly newest: number;
}

/** Done with up to and including `through` (`first - 1`: nothing yet), or the part is too much at once. */
type Step = { readonly through: number } | 'split';

export class Exporter {
  readonly #options: ExporterOptions;
  // Not longer, since alerts wait for what the agent holds back once the collector is there again.
  readonly #backOff = new BackOff({ initialMs: 1000, maxMs: 15_000 });
  #current = 0;
  /** Cleared when the collector holds positions this outbox never had: its folder is an older copy. */
  #numbered = true;
  /** Endpoints tried in a row that did not take what there was. */
  #misses = 0;
  #lastSuccessUnixMs: number | undefined;
  #trouble: string | undefined;
  /** The endpoint that was tried last takes nothing from this agent. */
  #refused = false;
  #reservations = '';
  #failures = 0;
  #rejectedItems = 0;
  #quarantinedRecords = 0;

  constructor(options: ExporterOptions) {
    this.#options = options;
  }

  get statistics(): ExportStatistics {
    return {
      lastSuccessUnixMs: this.#lastSuccessUnixMs,
      trouble: this.#trouble,
      failures: this.#failures,
      rejectedItems: this.#rejectedItems,
      quarantinedRecords: this.#quarantinedRecords,
    };
  }

  /** Sends until the signal aborts; what is then on its way will be sent again. */
  async run(signal: AbortSignal): Promise<void> {
    const { outbox, clock } = this.#options;
    while (!signal.aborted) {
      try {
        const batch = await outbox.read(batchBytesMax, signal);
        await this.#deliver('logs', batch, signal);
        await this.#deliver('metrics', batch, signal);
        await outbox.acknowledge(batch.at(-1)?.position ?? 0);
        if (outbox.statistics.records === 0) await clock.sleep(gatherMs, signal);
      } catch (error) {
        if (!signal.aborted) await this.#stumble(error, signal);
      }
    }
  }

  get #client(): CollectorClient {
    const client = this.#options.clients[this.#current];
    if (client === undefined) throw new Error('an exporter needs an endpoint');
    return client;
  }

  /** Resolves when all of one kind was taken or set aside. */
  async #deliver(kind: Kind, batch: readonly OutboxEntry[], signal: AbortSignal): Promise<void> {
    const newest = (batch[0]?.position ?? 1) + this.#options.outbox.statistics.records - 1;
    let rest = batch;
    let size = batch.length;
    while (rest.length > 0) {
      const entries = rest.slice(0, size);
      const [first, last] = [entries[0]?.position ?? 0, entries.at(-1)?.position ?? 0];
      const step = await this.#sendPart({ kind, entries, first, last, newest }, signal);
      if (step === 'split') {
        size = Math.ceil(entries.length / 2);
      } else {
        rest = rest.filter(({ position }) => position > step.through);
        size = rest.length;
      }
    }
  }

  async #sendPart(part: Part, signal: AbortSignal): Promise<Step> {
    const { kind, entries, first, last, newest } = part;
    const body = Buffer.concat(entries.map((entry) => entry[kind]));
    if (body.length === 0) return { through: last };
    const sequence = { outbox: this.#options.outbox.id, first, last };
    const request = this.#numbered ? { kind, body, sequence } : { kind, body };
    const outcome = await this.#client.send(request, signal);
    if (outcome.kind === 'delivered') {
      this.#succeed(outcome);
      const { heldThrough = last } = outcome;
      if (heldThrough <= newest) return { through: heldThrough };
      this.#stopNumbering(heldThrough, newest);
      return { through: first - 1 };
    }
    this.#failures += 1;
    if (outcome.kind === 'rejected') return this.#reject(part, outcome.message, signal);
    await this.#fail(kind, outcome, signal);
    return { through: first - 1 };
  }

  /**
   * The data folder was rolled back: what the collector holds under these numbers is not what waits
   * here. Without numbers nothing is taken for a repetition, at the price of some that may be one.
   */
  #stopNumbering(heldThrough: number, newest: number): void {
    this.#numbered = false;
    this.#options.log.error(
      { url: this.#client.url, heldThrough, newest },
      'the collector holds later results of this outbox than it has: is the data folder an older copy? sending without numbers',
    );
  }

  #succeed({ rejectedItems, message }: Extract<Outcome, { kind: 'delivered' }>): void {
    const { log, clock } = this.#options;
    const { url } = this.#client;
    if (this.#trouble !== undefined) log.info({ url }, 'results are delivered again');
    // Of the same trouble there are more items each time: that alone is no news.
    const reservations = message.replace(/\d+/g, '…');
    if (message !== '' && reservations !== this.#reservations) {
      log.warn({ url, rejectedItems, why: message }, 'results were taken with reservations');
    }
    this.#trouble = undefined;
    this.#refused = false;
    this.#misses = 0;
    this.#reservations = reservations;
    this.#rejectedItems += rejectedItems;
    this.#lastSuccessUnixMs = clock.unixMs();
    this.#backOff.reset();
  }

  /** Halves what is refused; a single record is set aside once it is sure that it is not the endpoint. */
  async #reject(part: Part, message: string, signal: AbortSignal): Promise<Step> {
    const { kind, entries, first } = part;
    if (entries.length > 1) return 'split';
    const empty = await this.#client.send({ kind, body: new Uint8Array() }, signal);
    if (empty.kind !== 'delivered') {
      await this.#fail(kind, { kind: 'refused', message }, signal);
      return { through: first - 1 };
    }
    const { outbox, quarantineDirectory, log } = this.#options;
    const body = entries[0]?.[kind] ?? new Uint8Array();
    const offender = { outbox: outbox.id, position: first, kind, body };
    const file = await quarantine(quarantineDirectory, offender);
    this.#quarantinedRecords += 1;
    log.error({ url: this.#client.url, why: message, file }, 'set aside results that were refused');
    return { through: first };
  }

  /** Turns to the next endpoint at once; when all had their turn, waits. */
  async #fail(
    kind: Kind,
    outcome: Extract<Outcome, { kind: 'retry' | 'refused' }>,
    signal: AbortSignal,
  ): Promise<void> {
    const { clients, clock } = this.#options;
    this.#misses += 1;
    const endpoint = `${this.#client.url}/v1/${kind}`;
    this.#report(`${endpoint}: ${outcome.message}`, outcome.kind === 'refused');
    this.#current = (this.#current + 1) % clients.length;
    if (this.#misses % clients.length > 0) return;
    const afterMs = outcome.kind === 'retry' ? outcome.afterMs : 0;
    await clock.sleep(this.#backOff.next(afterMs), signal);
  }

  /** Says what is wrong when it begins, and when it becomes the operator's to mend. */
  #report(trouble: string, refused: boolean): void {
    const { log } = this.#options;
    if (refused && !this.#refused) {
      log.error(
        { trouble },
        'results are refused; they are kept: check collector.urls and collector.key',
      );
    } else if (this.#trouble === undefined) {
      log.warn({ trouble }, 'results cannot be delivered; they are kept');
    }
    this.#trouble = trouble;
    this.#refused = refused;
  }

  /** The disk or the outbox itself: nothing is lost, and the same is tried again. */
  async #stumble(cause: unknown, signal: AbortSignal): Promise<void> {
    const { log, clock } = this.#options;
    if (this.#trouble === undefined) {
      log.error({ error: cause }, 'the outbox cannot be worked on; trying again');
    }
    this.#trouble = `outbox: ${messageOf(cause)}`;
    await clock.sleep(this.#backOff.next(), signal).catch(() => undefined);
  }
}
