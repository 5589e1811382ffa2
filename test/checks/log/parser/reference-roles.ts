import type { DurationUnit, Role } from '#checks/log/parser/format';
import { type Reference, clf, iso8601, unix } from './reference-parser.ts';

const unitsMs: Readonly<Record<DurationUnit, number>> = { s: 1e3, ms: 1, us: 1e-3, ns: 1e-6 };

/** What JSON and regular expressions find for a role, read the simple and slow way; false where it does not fit. */
export function readRole(role: Role, raw: string, unit: DurationUnit, found: Reference): boolean {
  const none = raw === '' || raw === '-';
  switch (role) {
    case 'client':
    case 'method':
    case 'uri':
    case 'connection':
      if (!none) found[role] = raw;
      return true;
    case 'request': {
      const [, method = '', uri = ''] = /^([A-Z_-]+) (.+)$/s.exec(raw) ?? [];
      if (method !== '' && method !== '-') found.method = method;
      if (uri !== '' && uri !== '-') found.uri = uri;
      return true;
    }
    case 'status':
      found.status = Number(raw);
      return /^\d{3}$/.test(raw);
    case 'sent':
      if (!none) found.sent = number(raw);
      return none || isPositive(found.sent);
    case 'duration':
      if (!none) found.durationMs = number(raw) * unitsMs[unit];
      return none || isPositive(found.durationMs);
    case 'upstream':
      if (!none) found.upstreamMs = number(raw) * unitsMs[unit];
      return none || isPositive(found.upstreamMs);
    case 'time': {
      const timeMs = none ? undefined : time(raw);
      if (timeMs !== undefined) found.timeMs = timeMs;
      return none || timeMs !== undefined;
    }
  }
}

/** NaN where there are more than 15 digits, with the exponent carried out. */
function number(raw: string): number {
  if (/^\d+(\.\d+)?$/.test(raw)) return raw.replace('.', '').length > 15 ? Number.NaN : Number(raw);
  const digits = /^\d{1,15}(\.\d{1,15})?e[+-]?\d{1,3}$/i.test(raw) && Number(raw) < 1e15;
  return digits ? Number(raw) : Number.NaN;
}

function isPositive(value: number | undefined): boolean {
  return value !== undefined && value >= 0;
}

function time(raw: string): number | undefined {
  if (raw.length > 40) return undefined;
  if (raw[2] === '/') return clf(raw);
  if (raw[4] !== '-') return unix(raw);
  const [, seconds = '', fraction = '', zone = ''] =
    /^(.{19})(?:[.,](\d{1,9}))?(Z|[+-]\d\d:?\d\d)?$/.exec(raw) ?? [];
  const offset = /\d/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(-2)}` : '+00:00';
  const wholeMs = iso8601(seconds + offset);
  return wholeMs === undefined
    ? undefined
    : wholeMs + Math.floor(Number(`0.${fraction || 0}`) * 1e3);
}
