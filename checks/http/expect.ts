import { isDeepStrictEqual } from 'node:util';
import type { Answer, Question } from '../inspect/examine.ts';
import { decodeText } from '../inspect/text.ts';
import { judgeExpiry } from '../net/certificate-expiry.ts';
import { Failure } from '../net/failure.ts';
import { judgeTime } from '../net/time-limits.ts';
import { charsetOf, type Received, throughputOf } from './received.ts';
import type { ExpectSettings } from './settings/expect.ts';

/** An expectation that an engine has to look into the answer for. */
export interface Asked {
  readonly question: Question;
  /** Whether it is a regular expression that must match, or must not. */
  readonly isPattern: boolean;
  /** Judges what was found. */
  judge(answer: Answer): Failure | undefined;
}

/** Judges everything that needs no engine; no failure hides another. */
export function judgeFacts(received: Received, expect: ExpectSettings): Failure[] {
  const { response } = received;
  const { status, version } = expect;
  return [
    failIf(
      !status.some((pattern) => statusMatches(response.status, pattern)),
      'http_status',
      () => `the status is ${response.status}, expected ${status.join(', ')}`,
    ),
    failIf(
      version !== undefined && !version.includes(response.version),
      'http_version',
      () => `the answer came by HTTP/${response.version}, expected ${version?.join(', ')}`,
    ),
    ...judgeHeaders(received, expect),
    ...(received.complete ? judgeDownload(received, expect) : []),
    ...judgeTime(received, expect.time ?? {}),
    received.tls && judgeExpiry(received.tls, expect.certificate, received.unixMs),
  ].filter((failure) => failure !== undefined);
}

/** Judges which texts are in the body. */
export function judgeTexts(
  content: Uint8Array,
  { response }: Received,
  { body }: ExpectSettings,
): Failure[] {
  if (body === undefined) return [];
  const text = decodeText(content, charsetOf(response));
  const missing = body.contains.filter((part) => !text.includes(part));
  const unwanted = body.not.contains.filter((part) => text.includes(part));
  return [
    ...missing.map((part) => `the body does not contain ${JSON.stringify(part)}`),
    ...unwanted.map((part) => `the body contains ${JSON.stringify(part)}`),
  ].map((message) => Failure.down('body_mismatch', message));
}

/** Every question to the body, with what its answer means. */
export function askBody({ body, json }: ExpectSettings): Asked[] {
  const source = { kind: 'body' } as const;
  return [
    ...(body?.matches ?? []).map((regex) => ({
      question: { source, regex },
      isPattern: true,
      judge: (answer: Answer) =>
        failIf(!isFound(answer), 'body_mismatch', () => `the body does not match ${regex}`),
    })),
    ...(body?.not.matches ?? []).map((regex) => ({
      question: { source, regex },
      isPattern: true,
      judge: (answer: Answer) =>
        failIf(isFound(answer), 'body_mismatch', () => `the body matches ${regex}`),
    })),
    ...(json ?? []).map(askJson),
  ];
}

/** Every question to a header, with what its answer means. */
export function askHeaders({ response }: Received, { headers }: ExpectSettings): Asked[] {
  return Object.entries(headers).flatMap(([name, rule]) => {
    if (!('matches' in rule)) return [];
    const values = [response.headers[name] ?? []].flat();
    if (values.length === 0) return [];
    const text = values.join('\n');
    return {
      question: { source: { kind: 'text' as const, text }, regex: rule.matches },
      isPattern: true,
      judge: (answer: Answer) =>
        failIf(
          !isFound(answer),
          'http_header',
          () =>
            `the header ${name} is ${JSON.stringify(text)}, expected a match of ${rule.matches}`,
        ),
    };
  });
}

function askJson(rule: NonNullable<ExpectSettings['json']>[number]): Asked {
  const expression = typeof rule === 'string' ? rule : rule.value;
  const wanted = typeof rule === 'string' ? true : rule.equals;
  return {
    question: { source: { kind: 'json', expression } },
    isPattern: false,
    judge: (answer) => {
      if ('error' in answer) return Failure.down('json_mismatch', `${expression}: ${answer.error}`);
      return failIf(
        !isDeepStrictEqual(answer.value, wanted),
        'json_mismatch',
        () =>
          `${expression} gives ${JSON.stringify(answer.value) ?? 'nothing'}, expected ${JSON.stringify(wanted)}`,
      );
    },
  };
}

function judgeHeaders(
  { response }: Received,
  { headers }: ExpectSettings,
): (Failure | undefined)[] {
  return Object.entries(headers).map(([name, rule]) => {
    const values = [response.headers[name] ?? []].flat();
    if ('absent' in rule) {
      return failIf(values.length > 0, 'http_header', () => `the header ${name} is there`);
    }
    if (values.length === 0) return Failure.down('http_header', `the header ${name} is missing`);
    if (!('equals' in rule)) return undefined;
    return failIf(
      !values.includes(rule.equals),
      'http_header',
      () =>
        `the header ${name} is ${JSON.stringify(values.join(', '))}, expected ${JSON.stringify(rule.equals)}`,
    );
  });
}

function judgeDownload(received: Received, expect: ExpectSettings): (Failure | undefined)[] {
  const { decoded } = received.download;
  const { size, sha256, throughput } = expect;
  const digest = sha256 === undefined ? undefined : received.download.digest();
  const rate = throughputOf(received);
  return [
    failIf(
      digest !== sha256,
      'checksum_mismatch',
      () => `the SHA-256 is ${digest}, expected ${sha256}`,
    ),
    failIf(
      size?.min !== undefined && decoded < size.min,
      'size_mismatch',
      () => `the body has ${decoded} bytes, expected at least ${size?.min}`,
    ),
    failIf(
      size?.max !== undefined && decoded > size.max,
      'size_mismatch',
      () => `the body has ${decoded} bytes, expected at most ${size?.max}`,
    ),
    failIf(
      throughput !== undefined && rate !== undefined && rate < throughput.min,
      'too_slow',
      () =>
        `the body came at ${Math.round(rate ?? 0)} bytes a second, expected at least ${throughput?.min}`,
    ),
  ];
}

function statusMatches(status: number, pattern: number | string): boolean {
  if (typeof pattern === 'number') return status === pattern;
  if (pattern.endsWith('xx')) return Math.floor(status / 100) === Number(pattern[0]);
  const [low = 0, high = low] = pattern.split('-').map(Number);
  return low <= status && status <= high;
}

function isFound(answer: Answer): boolean {
  return 'value' in answer && answer.value !== undefined;
}

function failIf(
  broken: boolean,
  error: Parameters<typeof Failure.down>[0],
  message: () => string,
): Failure | undefined {
  return broken ? Failure.down(error, message()) : undefined;
}
