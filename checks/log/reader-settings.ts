import type { Format } from './parser/format.ts';

/** A number that lines carry, and what becomes of it. */
export interface ValueSettings {
  readonly name: string;
  /** The field of the format: a variable of nginx, a path of keys in JSON, a group of a regular expression. */
  readonly field: string;
  /** Added up; the last one; or counted by size. */
  readonly as: 'counter' | 'gauge' | 'histogram';
  /** Upper bounds of the histogram. */
  readonly buckets: readonly number[];
}

/** What the reading side of a log check needs to know; plain data, so that it can be sent to a worker. */
export interface ReaderSettings {
  /** A path, or a pattern of paths. */
  readonly target: string;
  /** Patterns of paths of rotated files beside those that have the name of the log in theirs. */
  readonly rotated: readonly string[];
  readonly format: Format;
  /** Patterns of URIs: `/datasets/:id`. */
  readonly routes: readonly string[];
  readonly values: readonly ValueSettings[];
  readonly start: 'beginning' | 'end';
  readonly lineBytesMax: number;
  /** How many clients, and connections, are told apart. */
  readonly clientsMax: number;
  readonly windowMs: number;
  /** How long a run waits for a log that was there at the last one. */
  readonly missingGraceMs: number;
  /** How much is read at once; then others get their turn. */
  readonly sliceBytes: number;
}
