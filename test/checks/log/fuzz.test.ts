import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineScanner } from '#checks/log/line-scanner';
import { compileFormat } from '#checks/log/parser';
import { type Format, parseLogFormat, presetNames, presets } from '#checks/log/parser/format';

const lineBytesMax = 1024 ** 2;
const formats: readonly Format[] = [
  ...presetNames.map((name) => parseLogFormat(presets[name])),
  parseLogFormat(
    '$upstream_addr "$request_uri" $upstream_response_time [$time_iso8601] $msec;$cache',
  ),
  {
    kind: 'json',
    keys: { client: 'ip', time: 'ts', request: 'request.line', status: 'status', sent: 'size' },
    unit: 's',
  },
  {
    kind: 'regex',
    source: String.raw`^(?<client>\S*) (?<time>\S+) "(?<request>[^"]*)" (?<status>\d*)(?<cache>.*)`,
    unit: 's',
  },
];
const numbered = formats.map((format, index) => [index, format] as const);

/** What lines of all formats are made of. */
const pieces = [
  ...'"\\{}[]:, \r\n\0\u00ff'.split(''),
  '\\u',
  '\u00e2\u0082',
  '{"ip":"::1","ts":',
  '"request":{"line":"GET / HTTP/1.1"},',
  '"status":200}',
  '"size":-1e999}',
  '192.0.2.1 - - [22/Nov/2026:01:02:03 +0100] "',
  'GET / HTTP/1.1" 200 12',
  ' "-" "curl"\n',
  '2026-11-22T01:02:03Z',
  '1790000000.5',
  ' "GET /" ',
  ' 0.1, 0.2 : - ',
].map((text) => Buffer.from(text, 'latin1'));

it.each(numbered)('arbitrary bytes are lines, whatever the format: %i', (_, format) => {
  const piece = fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...pieces) },
    fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
  );
  const contents = fc.array(piece, { maxLength: 30 }).map((parts) => Buffer.concat(parts));
  const parser = compileFormat(format, ['cache', 'size']);
  fc.assert(
    fc.property(contents, (bytes) => {
      const scanner = new LineScanner(parser, lineBytesMax, () => {
        for (const offset of parser.line.spans)
          expect(offset).toBeLessThanOrEqual(parser.line.bytes.length);
        for (const value of parser.line.numbers) expect(value).not.toBe(Number.POSITIVE_INFINITY);
      });
      expect(scanner.scan(bytes, false, true).used).toBe(bytes.length);
      const { parsed, unparsed, oversize, padding } = scanner.bytes;
      expect(parsed + unparsed + oversize + padding).toBe(bytes.length);
    }),
    { numRuns: 500 },
  );
});

/** A parser that went back over a line would need hours for one of these, and not milliseconds. */
it.each(numbered)('the longest line takes no longer for what is in it: %i', (_, format) => {
  const beginnings = ['', '{"a":', '192.0.2.1 - - [22/Nov/2026:01:02:03 +0100] "GET /', '- "'];
  for (const beginning of beginnings.map((text) => Buffer.from(text))) {
    for (const piece of [...pieces, Buffer.from('" '), Buffer.from('\\"'), Buffer.from('["a",')]) {
      if (piece.includes('\n') || piece.includes('\0')) continue;
      const parser = compileFormat(format, ['cache', 'size']);
      const scanner = new LineScanner(parser, lineBytesMax, () => undefined);
      const line = Buffer.concat([beginning, Buffer.alloc(lineBytesMax - beginning.length, piece)]);
      scanner.scan(line, false, true);
      expect(scanner.lines.parsed + scanner.lines.unparsed).toBe(1);
    }
  }
});
