import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Field,
  type Layout,
  parseLogFormat,
  presetNames,
  presets,
} from '#checks/log/parser/format';
import { compileLayout } from '#checks/log/parser/layout';
import { parseText } from './parsed-text.ts';
import { type Reference, parseByReference } from './reference-parser.ts';

const timed = `${presets['nginx-combined']} $request_time $upstream_response_time $connection`;

describe('a line of a layout', () => {
  it.each([
    [
      'IPv4',
      '192.0.2.1 - - [22/Nov/2026:01:02:03 +0100] "GET / HTTP/1.1" 200 12 "-" "curl"',
      {
        client: '192.0.2.1',
        method: 'GET',
        uri: '/ HTTP/1.1',
        status: 200,
        sent: 12,
        timeMs: Date.UTC(2026, 10, 22, 0, 2, 3),
      },
    ],
    [
      'IPv6 and a user with a space',
      '2001:db8::1 - Jane Doe [22/Nov/2026:01:02:03 -0130] "POST /a HTTP/2.0" 499 0 "" ""',
      { client: '2001:db8::1', status: 499, timeMs: Date.UTC(2026, 10, 22, 2, 32, 3) },
    ],
    [
      'a TLS hello on a plain port',
      String.raw`192.0.2.1 - - [22/Nov/2026:01:02:03 +0000] "\x16\x03\x01" 400 150 "-" "-"`,
      { status: 400, sent: 150 },
    ],
    [
      'an empty request',
      '192.0.2.1 - - [22/Nov/2026:01:02:03 +0000] "" 408 - "-" "-"',
      { status: 408 },
    ],
    [
      'quotes as Apache writes them',
      String.raw`192.0.2.1 - - [22/Nov/2026:01:02:03 +0000] "GET /\" x HTTP/1.1" 200 1 "\\" "a\"b"`,
      { uri: String.raw`/\" x HTTP/1.1`, sent: 1 },
    ],
  ])('is read: %s', (_, line, expected) => {
    expect(parse(parseLogFormat(presets['nginx-combined']), line)).toMatchObject(expected);
  });

  it.each([
    ['cut short', '192.0.2.1 - - [22/Nov/2026:01:02:03 +0000] "GET / HTTP/1.1" 200 12 "-" "cu'],
    [
      'with something behind it',
      '192.0.2.1 - - [22/Nov/2026:01:02:03 +0000] "GET / HTTP/1.1" 200 12 "-" "curl" x',
    ],
    ['without a client', ' - - [22/Nov/2026:01:02:03 +0000] "GET / HTTP/1.1" 200 12 "-" "curl"'],
    [
      'on 31 February',
      '192.0.2.1 - - [31/Feb/2026:01:02:03 +0000] "GET / HTTP/1.1" 200 12 "-" "curl"',
    ],
    [
      'with a status of two digits',
      '192.0.2.1 - - [22/Nov/2026:01:02:03 +0000] "GET / HTTP/1.1" 20 12 "-" "curl"',
    ],
    [
      'with a size that is none',
      '192.0.2.1 - - [22/Nov/2026:01:02:03 +0000] "GET / HTTP/1.1" 200 1e3 "-" "curl"',
    ],
    ['empty', ''],
  ])('is refused: %s', (_, line) => {
    expect(parse(parseLogFormat(presets['nginx-combined']), line)).toBeUndefined();
  });

  it('has the times of several upstreams added up, and spaces between them', () => {
    const layout = parseLogFormat('$status $upstream_addr $upstream_response_time $request_time');
    const line = '502 10.0.0.1:80, 10.0.0.2:80 : unix:/run/app 0.100, - : 0.069 1.005';
    expect(parse(layout, line)).toEqual({ status: 502, upstreamMs: 169, durationMs: 1005 });
  });
});

describe('against the reference', () => {
  const layouts = [
    ...presetNames.map((name) => parseLogFormat(presets[name])),
    parseLogFormat(timed),
    parseLogFormat(
      '[$time_iso8601] $msec $status "$request_method" "$request_uri" ($upstream_addr) <$upstream_response_time>',
    ),
    parseLogFormat('$request_length.$status;$body_bytes_sent|$remote_addr'),
    parseLogFormat('$upstream_addr $upstream_response_time $remote_addr'),
  ];

  it.each(layouts.map((layout, index) => [index, layout] as const))('layout %i', (_, layout) => {
    fc.assert(
      fc.property(linesOf(layout), (line) => {
        expect(parse(layout, line)).toEqual(parseByReference(layout, line));
      }),
      { numRuns: 1500 },
    );
  });

  it.each(layouts.map((layout, index) => [index, layout] as const))(
    'layout %i, one parser for a line and what becomes of it',
    (_, layout) => {
      const changes = fc.array(change, { minLength: 1, maxLength: 5 });
      fc.assert(
        fc.property(wholeLines(layout), changes, (line, list) => {
          const parser = compileLayout(layout, []);
          const lines = [line, line, ...list.map((one) => changed(line, one))];
          expect(lines.map((text) => parseText(parser, text))).toEqual(
            lines.map((text) => parseByReference(layout, text)),
          );
        }),
        { numRuns: 300 },
      );
    },
  );
});

/** Lines that fit a layout, nearly fit it, and do not. */
function linesOf(layout: Layout): fc.Arbitrary<string> {
  return fc
    .tuple(wholeLines(layout), fc.array(change, { maxLength: 2 }))
    .map(([line, changes]) => changes.reduce(changed, line));
}

function wholeLines({ fields, after }: Layout): fc.Arbitrary<string> {
  const parts = fields.flatMap(({ before, field }) => [fc.constant(before), textsOf[field.shape]]);
  return fc.tuple(...parts, fc.constant(after)).map((texts) => texts.join(''));
}

interface Change {
  readonly at: number;
  readonly remove: number;
  readonly insert: string;
}

function changed(text: string, { at, remove, insert }: Change): string {
  const from = at % (text.length + 1);
  return text.slice(0, from) + insert + text.slice(from + remove);
}

/** What fields and literals are made of, and what has upset parsers. */
const awkward = fc.string({
  unit: fc.constantFrom(
    ' ',
    '"',
    '\\',
    '-',
    '[',
    ']',
    ':',
    ',',
    '.',
    '/',
    '0',
    '9',
    'Z',
    '\0',
    '\u00ff',
  ),
  maxLength: 4,
});
const change = fc.record({ at: fc.nat(), remove: fc.nat(3), insert: awkward });
const numbers = fc.oneof(
  fc.constantFrom(
    '-',
    '0',
    '0.000',
    '0.069',
    '1.005',
    '12',
    '007',
    '123456789012345678',
    '1.',
    '.5',
    '1.5.2',
  ),
  fc.nat().map(String),
  fc.nat(9999).map((ms) => (ms / 1000).toFixed(3)),
);
const dates = fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true });
const zones = fc.constantFrom('+0000', '+0100', '-0330', '+1400', '+1500');
const textsOf: Record<Field['shape'], fc.Arbitrary<string>> = {
  text: fc.oneof(
    fc.constantFrom('-', '', '192.0.2.1', '10.0.0.256', '01.2.3.4', '2001:db8::1', 'a b'),
    awkward,
  ),
  request: fc.oneof(
    fc.constantFrom(
      'GET / HTTP/1.1',
      'POST /a?b HTTP/2.0',
      'GET',
      'get / HTTP/1.1',
      'M-SEARCH * HTTP/1.1',
      'GET  HTTP/1.1',
      '',
    ),
    awkward,
  ),
  status: fc.constantFrom('200', '404', '503', '000', '099', '999', '20', '2000', '-', '2x0'),
  number: numbers,
  numbers: fc.oneof(
    numbers,
    fc.array(numbers, { minLength: 1 }).map((list) => list.join(', ')),
    fc.constant('0.1 : -, 2'),
  ),
  list: fc.constantFrom('10.0.0.1:80', 'a, b', 'a : b', 'unix:/x, -', '', 'a,', ' : '),
  clf: fc.tuple(dates, zones).map(([date, zone]) => {
    const [, day, month, year, time] =
      /, (\d\d) (\w{3}) (\d{4}) ([\d:]+)/.exec(date.toUTCString()) ?? [];
    return `${day}/${month}/${year}:${time} ${zone}`;
  }),
  iso8601: fc
    .tuple(dates, zones)
    .map(
      ([date, zone]) => `${date.toISOString().slice(0, 19)}${zone.slice(0, 3)}:${zone.slice(3)}`,
    ),
  unix: fc.oneof(
    dates.map((date) => (date.getTime() / 1000).toFixed(3)),
    numbers,
  ),
};

function parse(layout: Layout, text: string): Reference | undefined {
  return parseText(compileLayout(layout, []), text);
}
