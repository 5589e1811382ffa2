/**
 * How long a Retry-After asks to wait from `nowUnixMs` on, in milliseconds: it is a number of seconds, or a
 * date (RFC 9110, 10.2.3), and 0 where the date has passed. Undefined where it says neither. It has no upper
 * bound: how much of it is believed is the caller's decision.
 */
export function retryAfterMs(
  header: string | readonly string[] | undefined,
  nowUnixMs: number,
): number | undefined {
  if (typeof header !== 'string') return undefined;
  const text = header.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const dateUnixMs = Date.parse(text);
  return Number.isNaN(dateUnixMs) ? undefined : Math.max(dateUnixMs - nowUnixMs, 0);
}
