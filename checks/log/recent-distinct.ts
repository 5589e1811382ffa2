import { type DistinctCounter } from './distinct.ts';
import { type DistinctCount } from './reading.ts';
import { TextSet } from './text-set.ts';

/**
 * Counts what was seen in a window that moves on by slots: for each text the last slot that it was seen
 * in. Kept in memory only, so the count is a lower bound until a whole window has passed since it
 * began. What is read twice counts once. Takes some 30 bytes for an IPv4 address.
 */
export class RecentDistinct {
  readonly #sizeMax: number;
  readonly #address = new DataView(new ArrayBuffer(4));
  #addresses = new LastSeen();
  #texts = new LastSeen();
  /** The newest slot of which not everything is known. */
  #unknownSlot: number;

  constructor(sizeMax: number, unknownSlot: number) {
    this.#sizeMax = sizeMax;
    this.#unknownSlot = unknownSlot;
  }

  /** Forgets what was not seen since. */
  forget(oldestSlot: number): void {
    this.#addresses = this.#addresses.since(oldestSlot);
    this.#texts = this.#texts.since(oldestSlot);
  }

  /** Enters what was seen in a slot. */
  enter(slot: number, seen: DistinctCounter): void {
    const address = new Uint8Array(this.#address.buffer);
    seen.each(
      (value) => {
        this.#address.setUint32(0, value);
        this.#see(this.#addresses, address, slot);
      },
      (text) => this.#see(this.#texts, text, slot),
    );
    if (!seen.complete) this.#miss(slot);
  }

  /** What was seen since the slot that `forget` was told. */
  count(oldestSlot: number): DistinctCount {
    return { count: this.#size, complete: this.#unknownSlot < oldestSlot };
  }

  get #size(): number {
    return this.#addresses.size + this.#texts.size;
  }

  #see(texts: LastSeen, text: Uint8Array, slot: number): void {
    if (!texts.see(text, slot, this.#size < this.#sizeMax)) this.#miss(slot);
  }

  #miss(slot: number): void {
    this.#unknownSlot = Math.max(this.#unknownSlot, slot);
  }
}

class LastSeen {
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

  since(oldestSlot: number): LastSeen {
    const slots = this.#slots.subarray(0, this.size);
    if (slots.every((slot) => slot >= oldestSlot)) return this;
    const kept = new LastSeen();
    for (const [entry, slot] of slots.entries())
      if (slot >= oldestSlot) kept.see(this.#texts.at(entry), slot, true);
    return kept;
  }

  #grow(): void {
    const larger = new Uint32Array(this.#slots.length * 2);
    larger.set(this.#slots);
    this.#slots = larger;
  }
}
