const batchSize = 1024;

/**
 * Counts distinct texts exactly, up to a bound; from there on `size` stays and `complete` is false:
 * there are at least that many. Takes 8 to 16 bytes for an IPv4 address, and 24 or more for any other text.
 */
export class DistinctCounter {
  readonly #sizeMax: number;
  readonly #addresses = new NumberSet();
  readonly #texts = new TextSet();
  /** Addresses are entered many at a time: then the processor waits for memory once, not for each. */
  readonly #batch = new Uint32Array(batchSize);
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
    const room = this.size < this.#sizeMax;
    if (!this.#texts.add(bytes, start, end, room)) this.#complete = false;
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
class NumberSet {
  #table = new Uint32Array(1024);
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

  #addZero(room: boolean): boolean {
    if (!this.#hasZero && room) {
      this.#hasZero = true;
      this.size++;
    }
    return this.#hasZero;
  }

  #grow(): void {
    const old = this.#table;
    this.#table = new Uint32Array(old.length * 2);
    this.size = this.#hasZero ? 1 : 0;
    for (const value of old) if (value !== 0) this.add(value, true);
  }
}

/** A set of byte strings, kept one after the other in one buffer. */
class TextSet {
  /** Index of an entry plus one; 0 marks an empty place. */
  #table = new Uint32Array(256);
  #hashes = new Uint32Array(128);
  /** Where the text of an entry starts; that of the next one is where it ends. */
  #starts = new Uint32Array(129);
  #texts = new Uint8Array(4096);
  size = 0;

  /** Whether the text is in the set now; it is added only where there is room. */
  add(bytes: Uint8Array, start: number, end: number, room: boolean): boolean {
    const hash = hashOf(bytes, start, end);
    const mask = this.#table.length - 1;
    let at = hash & mask;
    for (let entry = 0; (entry = this.#table[at] ?? 0) !== 0; at = (at + 1) & mask) {
      if (this.#hashes[entry - 1] === hash && this.#same(entry - 1, bytes, start, end)) return true;
    }
    if (!room) return false;
    this.#append(hash, bytes, start, end);
    this.#table[at] = this.size;
    if (this.size * 2 >= this.#table.length) this.#grow();
    return true;
  }

  #same(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#starts[entry] ?? 0;
    if ((this.#starts[entry + 1] ?? 0) - from !== end - start) return false;
    for (let index = 0; index < end - start; index++) {
      if (this.#texts[from + index] !== bytes[start + index]) return false;
    }
    return true;
  }

  #append(hash: number, bytes: Uint8Array, start: number, end: number): void {
    const from = this.#starts[this.size] ?? 0;
    const to = from + end - start;
    if (to > this.#texts.length) {
      const larger = new Uint8Array(Math.max(this.#texts.length * 2, to));
      larger.set(this.#texts);
      this.#texts = larger;
    }
    this.#texts.set(bytes.subarray(start, end), from);
    this.#hashes[this.size] = hash;
    this.size++;
    this.#starts[this.size] = to;
  }

  #grow(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    this.#hashes = extended(this.#hashes, this.#table.length / 2);
    this.#starts = extended(this.#starts, this.#table.length / 2 + 1);
    const mask = this.#table.length - 1;
    for (let entry = 0; entry < this.size; entry++) {
      let at = (this.#hashes[entry] ?? 0) & mask;
      while (this.#table[at] !== 0) at = (at + 1) & mask;
      this.#table[at] = entry + 1;
    }
  }
}

function extended(old: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(length);
  larger.set(old);
  return larger;
}

/** Multiplicative hashing, with the high bits folded in, because tables use the low ones. */
function spread(value: number): number {
  const product = Math.imul(value, 0x9e3779b1);
  return (product ^ (product >>> 15)) >>> 0;
}

/** FNV-1a, folded for the same reason. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
