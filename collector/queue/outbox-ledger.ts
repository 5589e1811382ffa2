import { ProtobufReader } from '#lib/protobuf/reader';
import { ProtobufWriter } from '#lib/protobuf/writer';
import { type BlockHeader, type Signal, signals } from './block.ts';

/** How far one outbox has been accepted, for one signal. */
export interface LedgerEntry {
  /** Whose outbox it is; nobody else's requests can move or use the entry. */
  readonly owner: string;
  readonly outbox: string;
  readonly signal: Signal;
  /** Everything up to this position is on disk here. */
  readonly through: number;
  readonly receivedUnixMs: number;
}

/** An agent has one outbox, and another when it loses its disk; older ones are forgotten. */
const outboxesPerOwnerMax = 8;

/**
 * What is known of every outbox: makes the hop from agent to collector exactly once. An agent numbers
 * its requests by positions in its outbox, and sends again what it got no answer for; what the ledger
 * knows is then not stored twice.
 *
 * The ledger is as durable as the blocks it tells of: `encode` is the queue's checkpoint, and after a
 * restart the blocks behind the checkpoint are noted again.
 */
export class OutboxLedger {
  readonly #entries = new Map<string, LedgerEntry>();

  /** Continues from a checkpoint. Throws DecodeError for bytes that `encode` did not make. */
  static decode(bytes: Uint8Array): OutboxLedger {
    const ledger = new OutboxLedger();
    const reader = new ProtobufReader(bytes);
    while (reader.more()) {
      if (reader.field() === 1) ledger.#set(readEntry(reader));
      else reader.skip();
    }
    return ledger;
  }

  encode(): Uint8Array<ArrayBuffer> {
    const writer = new ProtobufWriter();
    for (const entry of this.#entries.values()) writeEntry(writer, entry);
    return writer.finish();
  }

  /** Oldest news first. */
  get entries(): Iterable<LedgerEntry> {
    return this.#entries.values();
  }

  /** Up to which position the outbox of this block is on disk; undefined when it is not known. */
  through({ range, ...header }: BlockHeader): number | undefined {
    if (range === undefined) return undefined;
    return this.#entries.get(keyOf(ownerOf(header), range.outbox, header.signal))?.through;
  }

  /** A block is on disk. */
  note({ range, ...header }: BlockHeader): void {
    if (range === undefined) return;
    const { signal, receivedUnixMs } = header;
    const { outbox, last: through } = range;
    this.#set({ owner: ownerOf(header), outbox, signal, through, receivedUnixMs });
  }

  #set(entry: LedgerEntry): void {
    const { owner, outbox, signal } = entry;
    const key = keyOf(owner, outbox, signal);
    const isKnown = this.#entries.delete(key);
    this.#entries.set(key, entry);
    if (!isKnown) this.#forgetOldest(owner);
  }

  #forgetOldest(owner: string): void {
    const own = [...this.#entries].filter(([, entry]) => entry.owner === owner);
    for (const [key] of own.slice(0, -outboxesPerOwnerMax * signals.length)) {
      this.#entries.delete(key);
    }
  }
}

/** Names the sequence a numbered request belongs to. */
export function sequenceKey({ range, ...header }: BlockHeader): string {
  return keyOf(ownerOf(header), range?.outbox ?? '', header.signal);
}

/** Names of agents have no spaces, so that no agent is mistaken for a key. */
function ownerOf({ agent, keyId }: Pick<BlockHeader, 'agent' | 'keyId'>): string {
  return agent === '' ? `key ${keyId}` : agent;
}

function keyOf(owner: string, outbox: string, signal: Signal): string {
  return [owner, outbox, signal].join('\n');
}

function writeEntry(writer: ProtobufWriter, entry: LedgerEntry): void {
  const message = writer.begin(1);
  writer.string(1, entry.owner);
  writer.string(2, entry.outbox);
  writer.uint32(3, signals.indexOf(entry.signal));
  writer.int64(4, entry.through);
  writer.int64(5, Math.floor(entry.receivedUnixMs));
  writer.end(message);
}

function readEntry(reader: ProtobufReader): LedgerEntry {
  const outer = reader.enter();
  let [owner, outbox] = ['', ''];
  let signal: Signal = 'metrics';
  let [through, receivedUnixMs] = [0, 0];
  while (reader.more()) {
    switch (reader.field()) {
      case 1:
        owner = reader.string();
        break;
      case 2:
        outbox = reader.string();
        break;
      case 3:
        signal = signals[reader.uint32()] ?? signal;
        break;
      case 4:
        through = Number(reader.int64());
        break;
      case 5:
        receivedUnixMs = Number(reader.int64());
        break;
      default:
        reader.skip();
    }
  }
  reader.leave(outer);
  return { owner, outbox, signal, through, receivedUnixMs };
}
