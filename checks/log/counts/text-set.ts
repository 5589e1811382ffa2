import { release } from './release.ts';

/** A set of byte strings, kept one after the other in one buffer. */
export class TextSet implements Disposable {
  /** Index of an entry plus one; 0 marks an empty place. */
  #table = new Uint32Array(256);
  #hashes = new Uint32Array(128);
  /** Where the text of an entry starts; that of the next one is where it ends. */
  #starts = new Uint32Array(129);
  #texts = new Uint8Array(4096);
  size = 0;

  /** The number of the text, in the order in which they came; -1 where it is new and there is no room for it. */
  add(bytes: Uint8Array, start: number, end: number, room: boolean): number {
    const hash = hashOf(bytes, start, end);
    const mask = this.#table.length - 1;
    let at = hash & mask;
    for (let entry = 0; (entry = this.#table[at] ?? 0) !== 0; at = (at + 1) & mask) {
      if (this.#hashes[entry - 1] === hash && this.#same(entry - 1, bytes, start, end))
        return entry - 1;
    }
    if (!room) return -1;
    this.#append(hash, bytes, start, end);
    this.#table[at] = this.size;
    if (this.size * 2 >= this.#table.length) this.#grow();
    return this.size - 1;
  }

  /** A view of a text by its number, until the next one is added. */
  at(entry: number): Uint8Array {
    return this.#texts.subarray(this.#starts[entry], this.#starts[entry + 1]);
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
      release(this.#texts);
      this.#texts = larger;
    }
    this.#texts.set(bytes.subarray(start, end), from);
    this.#hashes[this.size] = hash;
    this.size++;
    this.#starts[this.size] = to;
  }

  [Symbol.dispose](): void {
    for (const array of [this.#table, this.#hashes, this.#starts, this.#texts]) release(array);
  }

  #grow(): void {
    const length = this.#table.length * 2;
    release(this.#table);
    this.#table = new Uint32Array(length);
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
  release(old);
  return larger;
}

/** FNV-1a, with the high bits folded in, because the table uses the low ones. */
function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ (bytes[at] ?? 0), 0x01000193);
  return (hash ^ (hash >>> 15)) >>> 0;
}
