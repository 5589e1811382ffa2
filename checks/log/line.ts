/** Where a number that a line carries is kept in `ParsedLine.numbers`; configured fields follow. */
export const numberSlots = {
  status: 0,
  sent: 1,
  durationMs: 2,
  upstreamMs: 3,
  timeMs: 4,
  first: 5,
} as const;

/** Where the two ends of a text are kept in `ParsedLine.spans`: its start, and behind it its end. */
export const spanSlots = { client: 0, method: 2, uri: 4, connection: 6, count: 8 } as const;

/**
 * What a parser found in a line: offsets into the buffer and plain numbers, in typed arrays that are
 * overwritten by the next line, so that nothing is allocated per line.
 */
export class ParsedLine {
  /** Pairs of start and end; a start of -1 says that the line has no such text. */
  readonly spans = new Int32Array(spanSlots.count).fill(-1);
  /** NaN where the line has no such number. */
  readonly numbers: Float64Array;

  constructor(configuredFields: number) {
    this.numbers = new Float64Array(numberSlots.first + configuredFields).fill(Number.NaN);
  }
}

/** Reads one kind of log. */
export interface LineParser {
  readonly line: ParsedLine;
  /** To be called when the buffer, or what is in it, is another than at the last `parse`. */
  begin(): void;
  /** Whether the bytes from `start` to before `end` (no line break) are a line of this format. */
  parse(bytes: Buffer, start: number, end: number): boolean;
}
