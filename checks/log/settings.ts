import { type Layout } from './format.ts';

/** What the reading side of a log check needs to know; plain data, so that it can be sent to a worker. */
export interface LogSettings {
  readonly target: string;
  readonly format: Layout;
  /** Patterns of paths: `/datasets/:id`. */
  readonly routes: readonly string[];
  readonly start: 'beginning' | 'end';
  readonly lineBytesMax: number;
  readonly clientsMax: number;
  readonly windowMs: number;
  /** How long a run waits for a log that was there at the last one. */
  readonly missingGraceMs: number;
  /** How much is read at once; then others get their turn. */
  readonly sliceBytes: number;
}
