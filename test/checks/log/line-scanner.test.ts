import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineScanner } from '#checks/log/line-scanner';
import { parseLogFormat } from '#checks/log/parser/format';
import { compileLayout } from '#checks/log/parser/layout';

const lineBytesMax = 40;
const layout = parseLogFormat('$status "$request"');

describe('a scanner', () => {
  it('counts every line and every byte once', () => {
    const long = 'x'.repeat(lineBytesMax + 1);
    const nul = '\0\0';
    const text = `200 "GET / HTTP/1.1"\r\nno\n\n${nul}404 ""\n${long}\n${nul}`;
    expect(scan([Buffer.from(text, 'latin1')])).toEqual({
      lines: { parsed: 2, unparsed: 2, oversize: 1, padding: 0 },
      bytes: { parsed: 29, unparsed: 4, oversize: lineBytesMax + 2, padding: 4 },
    });
  });

  it('takes what is left for a line where nothing can follow', () => {
    expect(scan([Buffer.from('200 "a"\n404 "b"')]).lines).toMatchObject({ parsed: 2 });
    expect(scan([Buffer.from('200 "a"\n404 "')]).lines).toMatchObject({ parsed: 1, unparsed: 1 });
  });

  it('finds the same however the bytes come', () => {
    fc.assert(
      fc.property(contents, fc.array(fc.nat(50), { minLength: 1 }), (content, sizes) => {
        expect(scan(cut(content, sizes))).toEqual(scan([content]));
      }),
    );
  });

  it('accounts for arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), (content) => {
        const { bytes } = scan([Buffer.from(content)]);
        expect(bytes.parsed + bytes.unparsed + bytes.oversize + bytes.padding).toBe(content.length);
      }),
    );
  });
});

const contents = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        '200 "GET / HTTP/1.1"\n',
        '404 "a"\r\n',
        '\n',
        '\0',
        '\0\n',
        'no\n',
        '"',
        '\r',
      ),
      fc.nat(3 * lineBytesMax).map((length) => `${'y'.repeat(length)}\n`),
    ),
  )
  .map((parts) => Buffer.from(parts.join('')));

/** Scans pieces as a reader does: what was not used comes again, with more behind it. */
function scan(pieces: readonly Buffer[]): Pick<LineScanner, 'lines' | 'bytes'> {
  const scanner = new LineScanner(compileLayout(layout, []), lineBytesMax, () => undefined);
  let unused = Buffer.alloc(0);
  let inOversizeLine = false;
  for (const [index, piece] of pieces.entries()) {
    const bytes = Buffer.concat([unused, piece]);
    const scanned = scanner.scan(bytes, inOversizeLine, index === pieces.length - 1);
    ({ inOversizeLine } = scanned);
    unused = bytes.subarray(scanned.used);
  }
  expect(unused.length).toBe(0);
  return { lines: scanner.lines, bytes: scanner.bytes };
}

function cut(content: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces = [];
  let at = 0;
  for (const size of sizes) {
    pieces.push(content.subarray(at, at + size));
    at += size;
  }
  return [...pieces, content.subarray(at)];
}
