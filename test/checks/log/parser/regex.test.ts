import { describe, expect, it } from 'vitest';
import { GuardedParser } from '#checks/log/parser/guarded';
import { numberSlots } from '#checks/log/parser/line';
import { compileRegex, regexProblem } from '#checks/log/parser/regex';
import { parseText } from './parsed-text.ts';

describe('a line of a regular expression', () => {
  it('gives its named groups', () => {
    const source = String.raw`^(?<time>\S+ \S+) (?<client>\S+) "(?<request>[^"]*)" (?<status>\d+)(?: (?<duration>[\d.]+)ms)?`;
    const parser = compileRegex({ kind: 'regex', source, unit: 'ms' }, []);
    expect(
      parseText(parser, '2026-11-22 10:00:00,250 192.0.2.1 "GET /a HTTP/1.1" 200 12.5ms and more'),
    ).toEqual({
      timeMs: Date.UTC(2026, 10, 22, 10, 0, 0, 250),
      client: '192.0.2.1',
      method: 'GET',
      uri: '/a HTTP/1.1',
      status: 200,
      durationMs: 12.5,
    });
    expect(parseText(parser, '2026-11-22 10:00:00 ::1 "" 404')).toEqual({
      timeMs: Date.UTC(2026, 10, 22, 10),
      client: '::1',
      status: 404,
    });
    expect(parseText(parser, 'something else')).toBeUndefined();
    expect(parseText(parser, 'never 192.0.2.1 "GET /a" 200')).toBeUndefined();
  });

  it('may have letters beyond ASCII', () => {
    const parser = compileRegex({ kind: 'regex', source: 'müll (?<client>.*)', unit: 's' }, []);
    expect(parseText(parser, Buffer.from('müll x').toString('latin1'))).toEqual({ client: 'x' });
  });

  it('gives configured numbers', () => {
    const parser = compileRegex(
      { kind: 'regex', source: String.raw`(?<queue>\S+) (?<status>\d+)`, unit: 's' },
      ['queue'],
    );
    parseText(parser, '17 200');
    expect(parser.line.numbers[numberSlots.first]).toBe(17);
    parseText(parser, 'none 200');
    expect(parser.line.numbers[numberSlots.first]).toBeNaN();
  });

  it('is given up when it takes too long, where it is guarded', () => {
    const parser = new GuardedParser(
      compileRegex({ kind: 'regex', source: '^(?<client>(a+)+)$', unit: 's' }, []),
    );
    expect(parseText(parser, `${'a'.repeat(50)}b`)).toBeUndefined();
    expect(parser.stalledLines).toBe(1);
    expect(parseText(parser, 'aa')).toEqual({ client: 'aa' });
  });
});

describe('an expression', () => {
  it.each([
    ['(?<client>', /group/],
    [String.raw`\d+`, /named group/],
    ['(?<who>.*)', /named group/],
  ])('is refused: %s', (source, problem) => {
    expect(regexProblem(source)).toMatch(problem);
  });

  it('is taken with a group of a role', () => {
    expect(regexProblem('(?<status>200)|(?<status>404)')).toBeUndefined();
  });
});
