import { release } from './release.ts';
import { TextSet } from './text-set.ts';

const batchSize = 1024;

/**
 * Counts distinct texts exactly, up to a bound; from there on `size` stays and `complete` is false:
 * there are at least that many. Takes 8 to 16 bytes for an IPv4 address, and 24 or more for any other text.
 */
export class DistinctCounter implements Disposable {
  readonly #sizeMax: number;
  readonly #addresses = new NumberSet();
  readonly #texts = new TextSet();
  /** Addresses are entered many at a time: then the processor waits for memory once, not for each. */
  readonly #batch = new Int32Array(batchSize);
  #batched = 0;
  #complete = true;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  get size(): number {
    this.#flush();
    return this.#addresses.size + this.#texts.size;
  }

  get complete(): boolean {
    this.#flush();
    return this.#complete;
  }

  /** An IPv4 address as a number; it counts as another text than any that `addText` is given. */
  addAddress(address: number): void {
    this.#batch[this.#batched++] = address;
    if (this.#batched === batchSize) this.#flush();
  }

  addText(bytes: Uint8Array, start: number, end: number): void {
    const sizeAtMost = this.#addresses.size + this.#texts.size + this.#batched;
    const room = sizeAtMost < this.#sizeMax || this.size < this.#sizeMax;
    if (this.#texts.add(bytes, start, end, room) < 0) this.#complete = false;
  }

  /** Adds what another counter has counted. */
  addAll(other: DistinctCounter): void {
    other.each(
      (address) => this.addAddress(address),
      (text) => this.addText(text, 0, text.length),
    );
    if (!other.complete) this.#complete = false;
  }

  /** Visits everything that was counted. */
  each(visitAddress: (address: number) => void, visitText: (text: Uint8Array) => void): void {
    this.#flush();
    this.#addresses.each(visitAddress);
    for (let entry = 0; entry < this.#texts.size; entry++) visitText(this.#texts.at(entry));
  }

  [Symbol.dispose](): void {
    this.#addresses[Symbol.dispose]();
    this.#texts[Symbol.dispose]();
  }

  #flush(): void {
    const addressesMax = this.#sizeMax - this.#texts.size;
    for (let index = 0; index < this.#batched; index++) {
      const room = this.#addresses.size < addressesMax;
      if (!this.#addresses.add(this.#batch[index] ?? 0, room)) this.#complete = false;
    }
    this.#batched = 0;
  }
}

/** A set of 32-bit numbers: open addressing, at most half full; 0 marks an empty place. */
class NumberSet implements Disposable {
  #table = new Int32Array(1024);
  #hasZero = false;
  size = 0;

  /** Whether the number is in the set now; it is added only where there is room. */
  add(value: number, room: boolean): boolean {
    if (value === 0) return this.#addZero(room);
    const table = this.#table;
    const mask = table.length - 1;
    let at = spread(value) & mask;
    for (let present = 0; (present = table[at] ?? 0) !== 0; at = (at + 1) & mask) {
      if (present === value) return true;
    }
    if (!room) return false;
    table[at] = value;
    this.size++;
    if (this.size * 2 > table.length) this.#grow();
    return true;
  }

  each(visit: (value: number) => void): void {
    if (this.#hasZero) visit(0);
    visitPresent(this.#table, visit);
  }

  #addZero(room: boolean): boolean {
    if (!this.#hasZero && room) {
      this.#hasZero = true;
      this.size++;
    }
    return this.#hasZero;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Int32Array(old.length * 2);
    this.size = this.#hasZero ? 1 : 0;
    visitPresent(old, (value) => this.add(value, true));
    release(old);
  }

  [Symbol.dispose](): void {
    release(this.#table);
  }
}

/** Without the objects that an iterator makes for each of a million. */
function visitPresent(table: Int32Array, visit: (value: number) => void): void {
  for (let at = 0; at < table.length; at++) {
    const value = table[at] ?? 0;
    if (value !== 0) visit(value);
  }
}

/** Multiplicative hashing, with the high bits folded in, because tables use the low ones. */
export function spread(value: number): number {
  const product = Math.imul(value, 0x9e3779b1);
  return (product ^ (product >>> 15)) >>> 0;
}
