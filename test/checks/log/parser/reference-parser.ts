import type { Field, Layout } from '#checks/log/parser/format';

/** What a line says, read the simple and slow way; texts as they are, numbers in milliseconds and bytes. */
export type Reference = Partial<Record<'client' | 'method' | 'uri' | 'connection', string>> &
  Partial<Record<'status' | 'sent' | 'durationMs' | 'upstreamMs' | 'timeMs', number>>;

const number = String.raw`(?:-|\d+(?:\.\d+)?)`;
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Reads a line with a regular expression for each field; undefined where it is not of the format. */
export function parseByReference(layout: Layout, line: string): Reference | undefined {
  const found: Reference = {};
  let rest = line;
  const prefix = layout.fields[0]?.before ?? '';
  if (!rest.startsWith(prefix)) return undefined;
  rest = rest.slice(prefix.length);
  for (const [index, { field }] of layout.fields.entries()) {
    const literal = layout.fields[index + 1]?.before ?? layout.after;
    const raw = new RegExp(`^(?:${patternOf(field, literal)})`, 's').exec(rest)?.[0];
    if (raw === undefined || !rest.startsWith(literal, raw.length)) return undefined;
    if (!read(field, raw, found)) return undefined;
    rest = rest.slice(raw.length + literal.length);
  }
  return rest === '' ? found : undefined;
}

/** A text goes on as long as the literal does not follow; behind a backslash a quote is part of it. */
function patternOf({ shape }: Field, literal: string): string {
  const stop = literal === '' ? '$' : RegExp.escape(literal);
  switch (shape) {
    case 'status':
      return '...';
    case 'clf':
      return '.{26}';
    case 'iso8601':
      return '.{25}';
    case 'numbers':
      return `(?:${number}(?:(?:, | : )${number})*)?`;
    case 'list':
      return `(?:, | : |(?!${stop}).)*`;
    default:
      return literal.startsWith('"') ? String.raw`(?:\\.|(?!${stop})[^\\])*` : `(?:(?!${stop}).)*`;
  }
}

function read({ shape, role }: Field, raw: string, found: Reference): boolean {
  switch (shape) {
    case 'text':
      if (role === 'client' || role === 'method' || role === 'uri') {
        if (raw === '') return false;
        found[role] = role === 'client' ? raw.replace(/,.*/s, '') : raw;
      }
      return true;
    case 'list':
      return true;
    case 'request': {
      const [, method, uri] = /^([A-Z_-]+) (.+)$/s.exec(raw) ?? [];
      if (role === 'request' && method !== undefined && uri !== undefined)
        Object.assign(found, { method, uri });
      return true;
    }
    case 'status':
      if (!/^\d{3}$/.test(raw)) return false;
      if (role === 'status') found.status = Number(raw);
      return true;
    case 'number':
      if (!new RegExp(`^${number}?$`).test(raw) || tooLong(raw)) return false;
      keep(role, raw === '-' || raw === '' ? undefined : raw, found);
      return true;
    case 'numbers': {
      const values = raw.split(/, | : /).filter((value) => value !== '-' && value !== '');
      if (values.some(tooLong)) return false;
      const sum = values.reduce((total, value) => total + Number(value) * 1000, 0) / 1000;
      keep(role, values.length === 0 ? undefined : String(sum), found);
      return true;
    }
    default: {
      const timeMs = shape === 'clf' ? clf(raw) : shape === 'iso8601' ? iso8601(raw) : unix(raw);
      if (role === 'time' && timeMs !== undefined) found.timeMs = timeMs;
      return timeMs !== undefined;
    }
  }
}

/** Beyond 15 digits not every number is one. */
function tooLong(number: string): boolean {
  return number.replaceAll('.', '').length > 15;
}

function keep(role: Field['role'], value: string | undefined, found: Reference): void {
  if (value === undefined) return;
  if (role === 'connection') found.connection = value;
  if (role === 'sent') found.sent = Number(value);
  if (role === 'duration') found.durationMs = Number(value) * 1000;
  if (role === 'upstream') found.upstreamMs = Number(value) * 1000;
}

/** Milliseconds since 1970 of `22/Nov/2026:01:02:03 +0100`. */
export function clf(raw: string): number | undefined {
  const [, day, name = '', year, time, zone] =
    /^(\d\d)\/([A-Za-z]{3})\/(\d{4}):(\d\d:\d\d:\d\d) ([+-]\d{4})$/.exec(raw) ?? [];
  if (!months.includes(name)) return undefined;
  const month = String(months.indexOf(name) + 1).padStart(2, '0');
  return iso8601(`${year}-${month}-${day}T${time}${zone?.slice(0, 3)}:${zone?.slice(3)}`);
}

/** The same of `2026-11-22T01:02:03+01:00`. */
export function iso8601(raw: string): number | undefined {
  const [, date = '', hours = '', minutes = ''] =
    /^(\d{4}-\d\d-\d\d)[T ]\d\d:\d\d:\d\d[+-](\d\d):(\d\d)$/.exec(raw) ?? [];
  const midnight = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== date)
    return undefined;
  if (date < '1970' || minutes > '59' || `${hours}${minutes}` > '1400') return undefined;
  // Date.parse knows no leap second and takes 24:00:00.
  if (raw.slice(11, 13) === '24') return undefined;
  const leapMs = raw.slice(17, 19) === '60' ? 1000 : 0;
  const time = Date.parse(leapMs > 0 ? `${raw.slice(0, 17)}59${raw.slice(19)}` : raw);
  return Number.isNaN(time) ? undefined : time + leapMs;
}

/** The same of seconds, or by their size milliseconds, microseconds or nanoseconds. */
export function unix(raw: string): number | undefined {
  if (!/^\d{1,19}(\.\d{1,9})?$/.test(raw)) return undefined;
  const digits = raw.replace(/\..*/, '').replace(/^0+/, '').length;
  return Number(raw) * (digits < 12 ? 1e3 : digits < 15 ? 1 : digits < 18 ? 1e-3 : 1e-6);
}
