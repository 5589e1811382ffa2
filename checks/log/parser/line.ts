/** Where a number that a line carries is kept in `ParsedLine.numbers`; configured fields follow. */
export const numberSlots = { sent: 0, durationMs: 1, upstreamMs: 2, timeMs: 3, first: 4 } as const;

/** Where the two ends of a text are kept in `ParsedLine.spans`: its start, and behind it its end. */
export const spanSlots = { client: 0, method: 2, uri: 4, connection: 6, count: 8 } as const;

/**
 * What a parser found in a line: offsets into a buffer and plain numbers, which are overwritten by the
 * next line, so that nothing is allocated per line.
 */
export class ParsedLine {
  /** What the spans are in: the buffer that was read, or where texts are written in another way, one with them as they are. */
  bytes: Buffer = Buffer.alloc(0);
  /** Pairs of start and end; a start of -1 says that the line has no such text. */
  readonly spans = new Int32Array(spanSlots.count).fill(-1);
  /** NaN where the line has no such number. */
  readonly numbers: Float64Array;
  /** The client as an IPv4 address, where it is one. */
  address = 0;
  hasAddress = false;
  /** The status code, 0 to 999; -1 where the line has none. */
  status = -1;

  constructor(configuredFields: number) {
    this.numbers = new Float64Array(numberSlots.first + configuredFields).fill(Number.NaN);
  }

  /** Forgets the line before, for parsers that do not find the same in every line. */
  reset(): void {
    this.spans.fill(-1);
    this.numbers.fill(Number.NaN);
    this.hasAddress = false;
    this.status = -1;
  }
}

/** Reads one kind of log. */
export interface LineParser {
  readonly line: ParsedLine;
  /** Whether there may be lines for which `parse` takes for ever: it runs an expression from a configuration. */
  readonly mayStall: boolean;
  /** To be called before `parse` gets another buffer, or one with other bytes in it. */
  begin(bytes: Buffer): void;
  /** Whether the bytes from `start` to before `end`, a line break or the end of the buffer, are a line of this format. */
  parse(bytes: Buffer, start: number, end: number): boolean;
}
