import type { Argv } from 'yargs';
import { UsageError } from '../command.ts';

/** What can be tried on the command line: settings of a check that has not been written yet. */
export interface TrialArguments {
  readonly method?: string | undefined;
  readonly header?: readonly string[] | undefined;
  readonly body?: string | undefined;
  readonly ip?: string | undefined;
  readonly resolver?: readonly string[] | undefined;
  readonly redirects?: number | undefined;
  readonly compression?: boolean | undefined;
  readonly proxy?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly expectStatus?: readonly string[] | undefined;
  readonly expectHeader?: readonly string[] | undefined;
  readonly expectBody?: readonly string[] | undefined;
  readonly expectNot?: readonly string[] | undefined;
  readonly expectMatch?: readonly string[] | undefined;
  readonly expectJson?: readonly string[] | undefined;
  readonly expectTime?: string | undefined;
  readonly expectSize?: string | undefined;
  readonly expectSha256?: string | undefined;
  readonly expectThroughput?: string | undefined;
  readonly expectVersion?: readonly number[] | undefined;
  readonly expectDays?: number | undefined;
  readonly value?: readonly string[] | undefined;
}

const group = 'Settings to try:';
const text = { type: 'string', requiresArg: true, group } as const;
const texts = { ...text, array: true, nargs: 1 } as const;
const number = { type: 'number', requiresArg: true, group } as const;

export function trialOptions<T>(parser: Argv<T>): Argv<T & TrialArguments> {
  return parser
    .option('method', { ...text, describe: 'Request method' })
    .option('header', { ...texts, describe: "Request header, as 'Name: value'" })
    .option('body', { ...text, describe: 'Request body' })
    .option('ip', { ...text, describe: 'IP version', choices: ['auto', '4', '6'] })
    .option('resolver', { ...texts, describe: 'Name server to ask' })
    .option('redirects', { ...number, describe: 'Redirects to follow' })
    .option('compression', { type: 'boolean', group, describe: 'Ask for a compressed body' })
    .option('proxy', { ...text, describe: 'HTTP proxy to go through' })
    .option('insecure', { type: 'boolean', group, describe: 'Believe any certificate' })
    .option('expect-status', { ...texts, describe: 'Status: 200, 2xx, 200-299' })
    .option('expect-header', { ...texts, describe: "Header, as 'Name: regular expression'" })
    .option('expect-body', { ...texts, describe: 'Text in the body' })
    .option('expect-not', { ...texts, describe: 'Text that is not in the body' })
    .option('expect-match', { ...texts, describe: 'Regular expression for the body' })
    .option('expect-json', { ...texts, describe: 'JSONata that gives true' })
    .option('expect-time', { ...text, describe: 'Longest time in all, such as 2s' })
    .option('expect-size', { ...text, describe: 'Least size of the body, such as 20KiB' })
    .option('expect-sha256', { ...text, describe: 'Checksum of the body' })
    .option('expect-throughput', { ...text, describe: 'Least bytes a second, such as 1MiB' })
    .option('expect-version', {
      ...number,
      array: true,
      nargs: 1,
      describe: 'HTTP version: 1.1, 2',
    })
    .option('expect-days', { ...number, describe: 'Days the certificate must last' })
    .option('value', { ...texts, describe: 'Number to read, as NAME=JSONata' });
}

/** The settings as they would stand in the configuration; only what was given. */
export function trialSettings(given: TrialArguments): Record<string, unknown> {
  const body = present({
    contains: given.expectBody,
    matches: given.expectMatch,
    not: given.expectNot,
  });
  const expect = present({
    status: given.expectStatus?.map((status) => (/^\d+$/.test(status) ? Number(status) : status)),
    headers: given.expectHeader && pairs(given.expectHeader, ':', (matches) => ({ matches })),
    body: Object.keys(body).length > 0 ? body : undefined,
    json: given.expectJson,
    time: given.expectTime && { total: given.expectTime },
    size: given.expectSize && { min: given.expectSize },
    sha256: given.expectSha256,
    throughput: given.expectThroughput && { min: given.expectThroughput },
    version: given.expectVersion,
    certificate: given.expectDays === undefined ? undefined : { days: given.expectDays },
  });
  return present({
    method: given.method,
    headers: given.header && pairs(given.header, ':', (value) => value),
    body: given.body,
    ip: given.ip === undefined || given.ip === 'auto' ? given.ip : Number(given.ip),
    resolvers: given.resolver,
    redirects: given.redirects,
    compression: given.compression,
    proxy: given.proxy,
    tls: given.insecure === true ? { verify: false } : undefined,
    expect: Object.keys(expect).length > 0 ? expect : undefined,
    values: given.value && pairs(given.value, '=', (json) => ({ json })),
  });
}

function present(all: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function pairs<T>(
  given: readonly string[],
  separator: string,
  read: (value: string) => T,
): Record<string, T> {
  return Object.fromEntries(
    given.map((pair) => {
      const at = pair.indexOf(separator);
      if (at < 1) throw new UsageError(`${pair}: expected NAME${separator}VALUE`);
      return [pair.slice(0, at).trim(), read(pair.slice(at + 1).trim())];
    }),
  );
}
