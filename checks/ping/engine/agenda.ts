/** What is due when, in slots of a fixed length: cheap for thousands of entries that all come due. */
export class Agenda<T> {
  readonly #slotMs: number;
  readonly #slots = new Map<number, T[]>();
  /** All slots before this one are done. */
  #open = 0;

  constructor(slotMs: number) {
    this.#slotMs = slotMs;
  }

  /** Notes an entry for the slot nearest to `dueMs`, or at once if that has passed. */
  add(entry: T, dueMs: number): void {
    const slot = Math.max(Math.round(dueMs / this.#slotMs), this.#open);
    const entries = this.#slots.get(slot);
    if (entries === undefined) this.#slots.set(slot, [entry]);
    else entries.push(entry);
  }

  /** Hands out up to `max` entries that are due at `nowMs`, those of earlier slots first. */
  take(nowMs: number, max = Number.POSITIVE_INFINITY): T[] {
    const now = Math.floor(nowMs / this.#slotMs);
    if (this.#slots.size === 0) this.#open = now;
    const taken: T[] = [];
    while (this.#open <= now && taken.length < max) {
      const entries = this.#slots.get(this.#open) ?? [];
      taken.push(...entries.splice(0, max - taken.length));
      if (entries.length > 0) break;
      this.#slots.delete(this.#open);
      if (this.#open === now) break;
      this.#open++;
    }
    return taken;
  }
}
