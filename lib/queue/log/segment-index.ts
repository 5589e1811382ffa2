import { bisect } from '../../bisect.ts';
import type { BlockPlace } from './group.ts';

export interface Extent {
  readonly blocks: number;
  readonly bytes: number;
}

export interface Pending extends Extent {
  readonly oldestUnixMs: number | undefined;
}

interface IndexedPlace extends BlockPlace {
  /** Bytes of all blocks up to and including this one. */
  readonly bytesThrough: number;
}

/** Where the blocks of a segment are, in the order of their positions; every question is answered by bisection. */
export class SegmentIndex {
  readonly #places: IndexedPlace[] = [];

  constructor(places: readonly BlockPlace[]) {
    this.add(places);
  }

  /** Positions are behind all that are here. */
  add(places: readonly BlockPlace[]): void {
    let bytesThrough = this.#bytesBefore(this.#places.length);
    for (const { position, payloadOffset, length, appendedUnixMs } of places) {
      bytesThrough += length;
      this.#places.push({ position, payloadOffset, length, appendedUnixMs, bytesThrough });
    }
  }

  /** The oldest block behind `position`. */
  placeAfter(position: number): BlockPlace | undefined {
    return this.#places[this.#indexAfter(position)];
  }

  /** All blocks behind `position`. */
  placesAfter(position: number): readonly BlockPlace[] {
    return this.#places.slice(this.#indexAfter(position));
  }

  pendingAfter(position: number): Pending {
    const { length } = this.#places;
    const from = this.#indexAfter(position);
    return {
      blocks: length - from,
      bytes: this.#bytesBefore(length) - this.#bytesBefore(from),
      oldestUnixMs: this.#places[from]?.appendedUnixMs,
    };
  }

  /** The blocks behind `position` that fit into `bytesMax`, at least one when `force`, and whether there are more. */
  fitting(
    position: number,
    bytesMax: number,
    force: boolean,
  ): { places: readonly BlockPlace[]; more: boolean } {
    const from = this.#indexAfter(position);
    const fits = this.#indexBeyond(this.#bytesBefore(from) + bytesMax);
    const to = Math.max(fits, force ? from + 1 : from);
    return { places: this.#places.slice(from, to), more: to < this.#places.length };
  }

  /** Index of the first block behind `position`. */
  #indexAfter(position: number): number {
    const places = this.#places;
    return bisect(places.length, (index) => (places[index]?.position ?? Infinity) <= position);
  }

  /** Index of the first block with which they exceed `bytesMax`. */
  #indexBeyond(bytesMax: number): number {
    const places = this.#places;
    return bisect(places.length, (index) => (places[index]?.bytesThrough ?? Infinity) <= bytesMax);
  }

  #bytesBefore(index: number): number {
    return this.#places[index - 1]?.bytesThrough ?? 0;
  }
}
