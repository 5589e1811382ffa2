import { type DistinctCounter, spread } from './distinct.ts';
import type { DistinctCount } from './gains.ts';
import { release } from './release.ts';
import { TextSet } from './text-set.ts';

/**
 * Counts what was seen in a window that moves on by slots: for each text the last slot that it was seen
 * in. Kept in memory only, so the count is a lower bound until a whole window has passed since it
 * began. What is read twice counts once. Takes 5 to 10 bytes for an IPv4 address, and 28 or more for any
 * other text.
 */
export class RecentDistinct {
  readonly #sizeMax: number;
  #addresses = new SeenAddresses(0);
  #texts = new SeenTexts();
  /** The newest slot of which not everything is known. */
  #unknownSlot: number;

  constructor(sizeMax: number, unknownSlot: number) {
    this.#sizeMax = sizeMax;
    this.#unknownSlot = unknownSlot;
  }

  /** Forgets what was not seen since. Comes before `enter`, which takes no older slots. */
  forget(oldestSlot: number): void {
    this.#addresses = this.#addresses.since(oldestSlot);
    this.#texts = this.#texts.since(oldestSlot);
  }

  /** Enters what was seen in a slot. */
  enter(slot: number, seen: DistinctCounter): void {
    let complete = seen.complete;
    seen.each(
      (address) => (complete = this.#addresses.see(address, slot, this.#hasRoom) && complete),
      (text) => (complete = this.#texts.see(text, slot, this.#hasRoom) && complete),
    );
    if (!complete) this.#unknownSlot = Math.max(this.#unknownSlot, slot);
  }

  /** What was seen since the slot that `forget` was told. */
  count(oldestSlot: number): DistinctCount {
    const count = this.#addresses.size + this.#texts.size;
    return { count, complete: this.#unknownSlot < oldestSlot };
  }

  get #hasRoom(): boolean {
    return this.#addresses.size + this.#texts.size < this.#sizeMax;
  }
}

/** How many slots behind the first one a table may go on. */
const marksMax = 200;

/** 32-bit numbers with the last slot of each: open addressing, at most half full. */
class SeenAddresses {
  readonly #firstSlot: number;
  #addresses: Int32Array<ArrayBuffer>;
  /** The slot, counted from 1 for the first one; 0 marks an empty place. */
  #marks: Uint8Array<ArrayBuffer>;
  size = 0;

  constructor(firstSlot: number, places = 256) {
    this.#firstSlot = firstSlot;
    this.#addresses = new Int32Array(places);
    this.#marks = new Uint8Array(places);
  }

  /** False where the address is new and there is no room for it. */
  see(address: number, slot: number, room: boolean): boolean {
    const mark = slot - this.#firstSlot + 1;
    const mask = this.#marks.length - 1;
    let at = spread(address) & mask;
    for (let present = 0; (present = this.#marks[at] ?? 0) !== 0; at = (at + 1) & mask) {
      if (this.#addresses[at] !== address) continue;
      if (mark > present) this.#marks[at] = mark;
      return true;
    }
    if (!room) return false;
    this.#addresses[at] = address;
    this.#marks[at] = mark;
    this.size++;
    if (this.size * 2 > this.#marks.length) this.#grow();
    return true;
  }

  since(oldestSlot: number): SeenAddresses {
    const oldestMark = oldestSlot - this.#firstSlot + 1;
    const allAreKept = this.#marks.every((mark) => mark === 0 || mark >= oldestMark);
    if (allAreKept && oldestMark <= marksMax) return this;
    const kept = new SeenAddresses(oldestSlot);
    this.#each((address, mark) => {
      if (mark >= oldestMark) kept.see(address, mark - 1 + this.#firstSlot, true);
    });
    release(this.#addresses);
    release(this.#marks);
    return kept;
  }

  #grow(): void {
    const larger = new SeenAddresses(this.#firstSlot, this.#marks.length * 2);
    this.#each((address, mark) => larger.see(address, mark - 1 + this.#firstSlot, true));
    release(this.#addresses);
    release(this.#marks);
    this.#addresses = larger.#addresses;
    this.#marks = larger.#marks;
  }

  /** Without an object for each of a million. */
  #each(visit: (address: number, mark: number) => void): void {
    for (let at = 0; at < this.#marks.length; at++) {
      const mark = this.#marks[at] ?? 0;
      if (mark > 0) visit(this.#addresses[at] ?? 0, mark);
    }
  }
}

/** The same of byte strings. */
class SeenTexts {
  readonly #texts = new TextSet();
  /** By the number of the text. */
  #slots = new Uint32Array(128);

  get size(): number {
    return this.#texts.size;
  }

  /** False where the text is new and there is no room for it. */
  see(text: Uint8Array, slot: number, room: boolean): boolean {
    const entry = this.#texts.add(text, 0, text.length, room);
    if (entry < 0) return false;
    if (entry >= this.#slots.length) this.#grow();
    this.#slots[entry] = Math.max(this.#slots[entry] ?? 0, slot);
    return true;
  }

  since(oldestSlot: number): SeenTexts {
    const slots = this.#slots.subarray(0, this.size);
    if (slots.every((slot) => slot >= oldestSlot)) return this;
    const kept = new SeenTexts();
    for (let entry = 0; entry < slots.length; entry++) {
      const slot = slots[entry] ?? 0;
      if (slot >= oldestSlot) kept.see(this.#texts.at(entry), slot, true);
    }
    this.#texts[Symbol.dispose]();
    return kept;
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2);
    larger.set(this.#slots);
    this.#slots = larger;
  }
}
