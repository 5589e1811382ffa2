import { Resolver } from 'node:dns/promises';
import type { Check, CheckServices, CheckSpec, Run } from '../check.ts';
import { defaultEgress } from '../net/egress.ts';
import { Failure, firstOf } from '../net/failure.ts';
import { deniedServer, firstServer } from '../net/locate.ts';
import { toObservation } from '../net/observation.ts';
import { lookupFailure } from '../net/resolve.ts';
import { judgeTime } from '../net/time-limits.ts';
import { Trace } from '../net/trace.ts';
import { answerCount, dnsDuration, querySucceeded, serial, timeToLive } from './metrics.ts';
import { type Answer, ask, isAmong, type RecordType } from './records.ts';
import type { DnsSettings } from './settings.ts';

/** Makes the check of one name. */
export function createDnsCheck(spec: CheckSpec<DnsSettings>, services: CheckServices): Check {
  const { settings } = spec;
  const name = spec.target.replace(/\.$/, '');
  return {
    async run(run) {
      const trace = new Trace(services.clock);
      const denied = deniedServer(settings.resolvers, services.egress ?? defaultEgress);
      const failure = denied ?? (await look(name, settings, trace, run));
      return toObservation(failure, trace, dnsDuration);
    },
  };
}

async function look(
  name: string,
  settings: DnsSettings,
  trace: Trace,
  run: Run,
): Promise<Failure | undefined> {
  const { record, expect } = settings;
  const answer = await query(name, settings, trace, run);
  trace.stop();
  const succeeded = !(answer instanceof Failure) || answered.has(answer.verdict.error);
  trace.measure(querySucceeded, succeeded ? 1 : 0);
  if (!(answer instanceof Failure)) recordAnswer(answer, trace);
  const times = { phases: trace.phases, totalMs: trace.durationMs };
  const judged = expect.absent
    ? judgeAbsence(name, record, answer)
    : judgeAnswer(answer, record, expect);
  return firstOf([...judged, ...judgeTime(times, expect.time ?? {})]);
}

/** What a server says of a name that is not there is an answer too. */
const answered = new Set<string>(['dns_nxdomain', 'dns_no_address']);

async function query(
  name: string,
  { resolvers, record }: DnsSettings,
  trace: Trace,
  run: Run,
): Promise<Answer | Failure> {
  const resolver = new Resolver({ timeout: 2000, tries: 3 });
  if (resolvers) resolver.setServers(resolvers);
  const cancel = (): void => resolver.cancel();
  run.signal.addEventListener('abort', cancel, { once: true });
  trace.enterHop('request');
  const servers = resolver.getServers();
  trace.note('servers', servers.join(' '));
  trace.peer = firstServer(servers);
  try {
    const asked = ask(resolver, name, record);
    run.waiting();
    if (run.signal.aborted) cancel();
    return await asked;
  } catch (error) {
    if (run.signal.aborted) return Failure.aborted(run.signal, 'request', `asking for ${name}`);
    return lookupFailure(name, error);
  } finally {
    run.signal.removeEventListener('abort', cancel);
  }
}

function recordAnswer(answer: Answer, trace: Trace): void {
  trace.measure(answerCount, answer.records.length);
  if (answer.serial !== undefined) trace.measure(serial, answer.serial);
  if (answer.ttlSeconds !== undefined) trace.measure(timeToLive, answer.ttlSeconds);
  trace.note('answer', answer.records.join(', ').slice(0, 500));
}

function judgeAbsence(name: string, record: string, answer: Answer | Failure): Failure[] {
  if (!(answer instanceof Failure)) {
    return [Failure.down('dns_mismatch', `${name} has ${record}: ${answer.records.join(', ')}`)];
  }
  return answered.has(answer.verdict.error) ? [] : [answer];
}

function judgeAnswer(
  answer: Answer | Failure,
  type: RecordType,
  { answers }: DnsSettings['expect'],
): Failure[] {
  if (answer instanceof Failure) return [answer];
  const { records } = answer;
  const { contains, only = records } = answers;
  const missing = contains.filter((record) => !isAmong(record, records, type));
  const unexpected = records.filter((record) => !isAmong(record, only, type));
  return [
    ...(records.length < answers.min
      ? [`there are ${records.length} records, expected at least ${answers.min}`]
      : []),
    ...missing.map((record) => `${record} is missing from ${records.join(', ')}`),
    ...unexpected.map((record) => `${record} is there, which is not expected`),
  ].map((message) => Failure.down('dns_mismatch', message));
}
