import { expect } from 'vitest';
import { type LineParser, numberSlots, spanSlots } from '#checks/log/parser/line';
import type { Reference } from './reference-parser.ts';

// What was multiplied, divided or added up in another order differs in its last bits.
expect.addEqualityTesters([
  (a: unknown, b: unknown) =>
    typeof a === 'number' && typeof b === 'number'
      ? Math.abs(a - b) <= 1e-14 * Math.abs(b)
      : undefined,
]);

/** What a parser makes of a line that is in the middle of a buffer, in the form of the reference. */
export function parseText(parser: LineParser, text: string): Reference | undefined {
  // Something before and behind the line must not matter.
  const before = Buffer.from('"1 ');
  const line = Buffer.from(text, 'latin1');
  const bytes = Buffer.concat([before, line, Buffer.from('\n7" ')]);
  parser.begin(bytes);
  const parsed = parser.parse(bytes, before.length, before.length + line.length);
  return parsed ? readable(parser) : undefined;
}

function readable({ line }: LineParser): Reference {
  const text = (slot: number): string | undefined => {
    const start = line.spans[slot] ?? -1;
    return start < 0 ? undefined : line.bytes.toString('latin1', start, line.spans[slot + 1]);
  };
  const number = (slot: number): number | undefined => {
    const value = line.numbers[slot] ?? Number.NaN;
    return Number.isNaN(value) ? undefined : value;
  };
  const found = {
    client: text(spanSlots.client),
    method: text(spanSlots.method),
    uri: text(spanSlots.uri),
    connection: text(spanSlots.connection),
    status: line.status === -1 ? undefined : line.status,
    sent: number(numberSlots.sent),
    durationMs: number(numberSlots.durationMs),
    upstreamMs: number(numberSlots.upstreamMs),
    timeMs: number(numberSlots.timeMs),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
