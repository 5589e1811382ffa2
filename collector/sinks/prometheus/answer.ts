import { retryAfterMs } from '#lib/retry-after';
import type { Delivery } from '../sink.ts';

/** What a backend said to a request. */
export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** The first bytes of the body. */
  readonly text: string;
}

/** A mistaken header must not stop delivery for a day. */
const retryAfterMaxMs = 600_000;

/**
 * What a second delivery of the same samples meets at a Prometheus without an out-of-order window. Not
 * "duplicate sample": that is said of another value for the same time, never of the same one.
 */
const repetition = /out[ -]of[ -]order/i;

/** Also said of samples far ahead, by Prometheus since 2.54. */
const age = /too[ -]old|out of bounds/i;

/** A sample that will never be taken; Prometheus before 2.50 says so with 500. */
const refusal = /too old sample|out of bounds|out of order sample|duplicate sample/i;

/**
 * The remote-write specification sorts answers by class only, and so loses data: a wrong password or
 * a proxy's 404 says nothing about the samples, an operator repairs it, and until then they are kept.
 * Only what speaks of the samples rejects them.
 */
export function deliveryOf(answer: Answer, nowUnixMs: number): Delivery {
  const { status, text, retryAfter } = answer;
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  const error = new Error(`the backend answered ${status}${remedyOf(status)}${quoted(text)}`);
  switch (status) {
    case 400:
    case 409:
    case 422:
      return rejected(error, text, status);
    case 413:
      return { kind: 'rejected', error };
    case 500:
      if (refusal.test(text)) return rejected(error, text, status);
  }
  const isBusy = status === 429 || status === 503;
  const afterMs = retryAfterMs(retryAfter, nowUnixMs) ?? (isBusy ? 0 : undefined);
  return afterMs === undefined
    ? { kind: 'retry', error }
    : { kind: 'retry', error, afterMs: Math.min(afterMs, retryAfterMaxMs) };
}

/**
 * Mimir and Cortex store what is good of a request and answer 400 for the rest; Thanos answers 409 to
 * what is out of order or there already, and has stored the rest too.
 */
function rejected(error: Error, text: string, status: number): Delivery {
  return {
    kind: 'rejected',
    error,
    repeated: status === 409 || repetition.test(text),
    tooOld: age.test(text),
    partial: status === 409 || /err-mimir|err-cortex/i.test(text),
  };
}

function remedyOf(status: number): string {
  switch (status) {
    case 401:
    case 403:
      return ': check the credentials of this sink; the data are kept';
    case 404:
    case 405:
      return ': check the path in the url of this sink; the data are kept';
    case 415:
      return ': it does not take remote write 1.0 here; the data are kept';
    default:
      return status >= 300 && status < 400
        ? ': it redirects, write its final address into the url of this sink; the data are kept'
        : '';
  }
}

function quoted(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim().slice(0, 300);
  return line === '' ? '' : `: ${line}`;
}
