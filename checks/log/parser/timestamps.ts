const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const clf = /^(\d\d)\/(\w{3})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)$/;
const iso8601 =
  /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(?:Z|([+-])(\d\d):?(\d\d))?$/;
const unix = /^\d{1,19}(\.\d{1,9})?$/;

export const clfLength = '22/Nov/2026:01:02:03 +0100'.length;
export const iso8601Length = '2026-11-22T01:02:03+01:00'.length;

/** Milliseconds since 1970 of `22/Nov/2026:01:02:03 +0100`; NaN where the text is anything else. */
export function readClf(text: string): number {
  const [, day, name = '', year, hour, minute, second, sign, hours, minutes] = clf.exec(text) ?? [];
  const month = months.indexOf(name);
  if (month < 0) return Number.NaN;
  return instant([year, month, day, hour, minute, second], 0, [sign, hours, minutes]);
}

/** The same of `2026-11-22T01:02:03.456+01:00` and its variants; without a zone it is read as UTC. */
export function readIso8601(text: string): number {
  const match = iso8601.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, minute, second, fraction = '0', sign, hours, minutes] = match;
  const milliseconds = Math.floor(Number(`0.${fraction}`) * 1000);
  return instant([year, Number(month) - 1, day, hour, minute, second], milliseconds, [
    sign,
    hours,
    minutes,
  ]);
}

/** The same of seconds since 1970 with or without a fraction; large numbers are ms, µs or ns. */
export function readUnix(text: string): number {
  if (!unix.test(text)) return Number.NaN;
  const value = Number(text);
  if (value < 1e11) return value * 1000;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1e3 : value / 1e6;
}

/** The same of any of these forms. */
export function readTime(text: string): number {
  if (text[2] === '/') return readClf(text);
  return text[4] === '-' ? readIso8601(text) : readUnix(text);
}

type Digits = string | number | undefined;

/** NaN where a part is out of range: 31 February, 25 o'clock, an offset of 15 hours, a year before 1970. */
function instant(
  parts: readonly Digits[],
  milliseconds: number,
  offset: readonly Digits[],
): number {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.map(Number);
  const utc = Date.UTC(year, month, day, hour, minute, second, milliseconds);
  const [sign, hours = 0, minutes = 0] = offset;
  const offsetMinutes = Number(hours) * 60 + Number(minutes);
  const valid =
    year >= 1970 &&
    month >= 0 &&
    month < 12 &&
    new Date(utc).getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 61;
  if (!valid || Number(minutes) > 59 || offsetMinutes > 14 * 60) return Number.NaN;
  return utc - (sign === '-' ? -1 : 1) * offsetMinutes * 60_000;
}
