import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DurationUnit, JsonFormat, Role } from '#checks/log/parser/format';
import { compileJson } from '#checks/log/parser/json';
import { compileRegex } from '#checks/log/parser/regex';
import { parseText } from './parsed-text.ts';
import type { Reference } from './reference-parser.ts';
import { readRole } from './reference-roles.ts';

const units: readonly DurationUnit[] = ['s', 'ms', 'us', 'ns'];

describe('JSON against the reference', () => {
  it.each(units)('times in %s', (unit) => {
    const format: JsonFormat = { kind: 'json', keys, unit };
    const parser = compileJson(format, []);
    fc.assert(
      fc.property(jsonLines, (line) => {
        const object = parseObject(line);
        const parsed = parseText(parser, utf8AsLatin1(line));
        if (object !== undefined) expect(parsed).toEqual(jsonReference(format, object));
        // What is wrong within a text that nobody asks for is let pass: nginx's \x22 is no JSON.
        else if (parsed !== undefined) expect(line).toContain('\\');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('a regular expression against the reference', () => {
  const order: readonly Role[] = [
    'time',
    'client',
    'request',
    'status',
    'sent',
    'duration',
    'upstream',
    'connection',
  ];
  const groups = order.map((role) => `(?<${role}>[^|]*)`);
  const source = `^${groups.slice(0, -1).join(String.raw`\|`)}(?:\\|${groups.at(-1)})?$`;

  it.each(units)('times in %s', (unit) => {
    const parser = compileRegex({ kind: 'regex', source, unit }, []);
    const whole = fc.tuple(...order.map((role) => textOf(role)));
    const lines = changed(whole.map((texts) => texts.join('|')));
    fc.assert(
      fc.property(lines, (line) => {
        const texts = utf8AsLatin1(line).split('|');
        const found: Reference = {};
        const count = texts.length === order.length || texts.length === order.length - 1;
        const fits = texts.every((text, index) =>
          readRole(order[index] ?? 'client', text, unit, found),
        );
        expect(parseText(parser, utf8AsLatin1(line))).toEqual(count && fits ? found : undefined);
      }),
      { numRuns: 1000 },
    );
  });
});

const keys: Partial<Record<Role, string>> = {
  client: 'client.ip',
  time: 'ts',
  request: 'request',
  status: 'status',
  sent: 'size',
  duration: 'took',
  upstream: 'upstream.took',
  connection: 'connection',
};

/** Numbers are the texts that they are written as. */
function parseObject(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(
      line,
      (_: string, value: unknown, context?: { source: string }) =>
        typeof value === 'number' ? context?.source : value,
    );
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function jsonReference({ keys, unit }: JsonFormat, object: object): Reference | undefined {
  const found: Reference = {};
  const roles = new Map(Object.entries(keys).map(([role, path]) => [path, role as Role]));
  const walk = (value: object, path: string): boolean =>
    Object.entries(value).every(([name, inner]) => {
      const role = roles.get(path + name);
      if (typeof inner === 'object' && inner !== null && !Array.isArray(inner))
        return walk(inner, `${path}${name}.`);
      if (role === undefined || typeof inner !== 'string') return true;
      return readRole(role, utf8AsLatin1(inner), unit, found);
    });
  return walk(object, '') ? found : undefined;
}

const instants = fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true });
const zones = fc.constantFrom('', 'Z', '+00:00', '-0330', '+14:00', '+15:00');
const plainNumbers = fc.oneof(
  fc.nat(999_999),
  fc.nat(999_999).map((ms) => ms / 1000),
  fc.constantFrom(1e-7, 2.5e9, 1e21, -1, 123456789012345.6),
);
const times = fc.oneof(
  fc.tuple(instants, zones).map(([date, zone]) => date.toISOString().slice(0, 19) + zone),
  instants.map((date) => date.toISOString().replace('.', ',')),
  instants.map((date) => {
    const [, day, month, year, time] =
      /, (\d\d) (\w{3}) (\d{4}) ([\d:]+)/.exec(date.toUTCString()) ?? [];
    return `${day}/${month}/${year}:${time} +0100`;
  }),
);

function textOf(role: Role): fc.Arbitrary<string> {
  switch (role) {
    case 'time':
      return fc.oneof(times, plainNumbers.map(String), fc.constant('-'));
    case 'status':
      return fc.constantFrom('200', '404', '503', '099', '20', '-');
    case 'request':
      return fc.constantFrom(
        'GET /a?b HTTP/1.1',
        'GET',
        'M-SEARCH *',
        '- /',
        'A -',
        '',
        'GET /ü/€',
      );
    case 'sent':
    case 'duration':
    case 'upstream':
      return fc.oneof(plainNumbers.map(String), fc.constantFrom('-', '', '1E3', '1.', '.5', '007'));
    default:
      return fc.oneof(
        fc.constantFrom('192.0.2.1', '10.0.0.256', '2001:db8::1', '-', '', 'a, ü', '7'),
        fc.string({ maxLength: 5 }).filter((text) => !/[|\\"]/.test(text)),
      );
  }
}

const jsonValue = (role: Role): fc.Arbitrary<unknown> =>
  fc.oneof(
    { weight: 4, arbitrary: textOf(role) },
    { weight: 2, arbitrary: plainNumbers },
    fc.constantFrom(null, true, [], [1, { status: 7 }], {}),
  );

/** Objects with what is looked for and other keys, as JSON.stringify writes them and with more escapes and spaces. */
const jsonLines = changed(
  fc
    .record(
      {
        ts: jsonValue('time'),
        client: fc.oneof(
          fc.record({ ip: jsonValue('client'), port: fc.nat() }),
          jsonValue('client'),
        ),
        request: jsonValue('request'),
        status: fc.oneof(jsonValue('status'), fc.integer({ min: 100, max: 599 })),
        size: jsonValue('sent'),
        took: jsonValue('duration'),
        upstream: fc.record({ took: jsonValue('upstream'), deep: fc.jsonValue({ maxDepth: 2 }) }),
        connection: jsonValue('connection'),
        other: fc.constantFrom('a "quoted" text', '\\', '\n', 'ü', {}, [[]]),
      },
      { requiredKeys: [] },
    )
    .chain((object) => fc.constantFrom(JSON.stringify(object), escaped(object), spaced(object))),
);

/** Every letter `s` as \u0073, in keys too. */
function escaped(object: object): string {
  return JSON.stringify(object).replaceAll('s', String.raw`\u0073`);
}

function spaced(object: object): string {
  return `\t${JSON.stringify(object, undefined, 1).replaceAll('\n', ' ')} `;
}

/** The line, or nearly. */
function changed(lines: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const pieces = [
    '"',
    '\\',
    '\\"',
    String.raw`\u0041`,
    ',',
    ':',
    '{',
    '}',
    ' ',
    '-',
    '.',
    '1',
    '|',
  ];
  const change = fc.record({
    at: fc.nat(),
    remove: fc.nat(2),
    insert: fc.constantFrom('', ...pieces),
  });
  return fc.tuple(lines, fc.array(change, { maxLength: 2 })).map(([line, changes]) =>
    changes.reduce((text, { at, remove, insert }) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + insert + text.slice(from + remove);
    }, line),
  );
}

/** Texts of tests have a character for each byte. */
function utf8AsLatin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
