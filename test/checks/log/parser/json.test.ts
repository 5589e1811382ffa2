import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonFormat } from '#checks/log/parser/format';
import { compileJson } from '#checks/log/parser/json';
import { numberSlots } from '#checks/log/parser/line';
import { parseText } from './parsed-text.ts';

const format: JsonFormat = {
  kind: 'json',
  keys: {
    client: 'client.ip',
    time: 'ts',
    method: 'method',
    uri: 'uri',
    status: 'status',
    sent: 'size',
    duration: 'took',
  },
  unit: 'ms',
};

describe('a line of JSON', () => {
  it.each([
    [
      'numbers as numbers and as texts, keys in objects',
      '{"ts":1790000000.5,"client":{"port":1,"ip":"192.0.2.1"},"method":"GET","uri":"/a?b","status":"404","size":12,"took":3.5e+00}',
      {
        timeMs: 1790000000500,
        client: '192.0.2.1',
        method: 'GET',
        uri: '/a?b',
        status: 404,
        sent: 12,
        durationMs: 3.5,
      },
    ],
    [
      'spaces, and keys with dots',
      ' { "client.ip" : "::1" , "status" : 200 } \r',
      { client: '::1', status: 200 },
    ],
    [
      'escapes',
      String.raw`{"x":"\"","uri":"\/a\u00e9\"b","status":200,"client":{"ip":"10.0.0.1"}}`,
      { uri: Buffer.from('/aé"b').toString('latin1'), status: 200, client: '10.0.0.1' },
    ],
    [
      'what there is none of',
      '{"status":null,"size":"-","took":"","client":{"ip":"-"},"uri":"","x":[1,{"a":[]},true]}',
      {},
    ],
    ['the last of equal keys', '{"status":200,"status":404}', { status: 404 }],
    ['nothing', '{}', {}],
  ])('is read: %s', (_, line, expected) => {
    expect(parseText(compileJson(format, []), line)).toEqual(expected);
  });

  it.each([
    '',
    '[]',
    '"a"',
    '{',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{"a":01}',
    '{"a":tru}',
    '{"a":1}x',
    '{"status":20}',
    '{"took":"fast"}',
    '{"ts":"yesterday"}',
    `${'{"a":'.repeat(40)}1${'}'.repeat(40)}`,
  ])('is refused: %s', (line) => {
    expect(parseText(compileJson(format, []), line)).toBeUndefined();
  });

  it('gives configured numbers', () => {
    const parser = compileJson(format, ['cache.ms', 'status']);
    parseText(parser, '{"cache":{"ms":-2.5},"status":200}');
    expect([...parser.line.numbers.subarray(numberSlots.first)]).toEqual([-2.5, 200]);
  });

  it('is whatever JSON.parse takes for an object', () => {
    const lines = fc
      .dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }))
      .map((object) => JSON.stringify({ status: 200, ...object, uri: '/x' }));
    fc.assert(
      fc.property(lines, (line) => {
        const latin1 = Buffer.from(line).toString('latin1');
        expect(parseText(compileJson({ ...format, keys: { uri: 'uri' } }, []), latin1)).toEqual({
          uri: '/x',
        });
      }),
    );
  });

  it('is nothing that JSON.parse refuses, but for what is within strings', () => {
    const parts = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ':',
      ',',
      '"a"',
      '"status"',
      '1',
      '-0.5e3',
      '01',
      'null',
      'nul',
      ' ',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (texts) => {
        const line = `{"a":${texts.join('')}}`;
        const accepted =
          parseText(compileJson({ ...format, keys: { uri: 'uri' } }, []), line) !== undefined;
        expect(accepted).toBe(isJson(line));
      }),
      { numRuns: 2000 },
    );
  });
});

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
