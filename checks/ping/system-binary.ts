import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import {
  type EchoError,
  type EchoPlan,
  type EchoReply,
  type EchoReport,
  type EchoUnavailable,
  type Pinger,
} from './pinger.ts';

export type SystemBinary = Pick<Pinger, 'echo'>;

/** Finds out whether the system's `ping` may send from here; says why when it may not. */
export async function openSystemBinary(): Promise<SystemBinary | EchoUnavailable> {
  const plan: EchoPlan = {
    address: '127.0.0.1',
    family: 4,
    count: 1,
    gapMs: 10,
    waitMs: 1000,
    size: 56,
    hopLimit: undefined,
    dontFragment: false,
    source: undefined,
    stragglers: { duplicate: 0, late: 0, corrupted: 0 },
  };
  const report = await echo(plan, AbortSignal.timeout(5000));
  return 'unavailable' in report ? report : { echo };
}

/** Runs the system's `ping` once; the process ends with the signal. */
async function echo(plan: EchoPlan, signal: AbortSignal): Promise<EchoReport | EchoUnavailable> {
  const child = spawn('ping', argumentsFor(plan), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: searchPath, LC_ALL: 'C' },
    signal,
    killSignal: 'SIGINT',
  });
  const [output, complaint, failure] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    failureOf(child),
  ]);
  if (failure !== undefined && !signal.aborted) {
    return { unavailable: `cannot run the system's ping: ${failure}` };
  }
  if (!output.startsWith('PING ')) {
    return { unavailable: `the system's ping refused: ${complaint.trim() || 'no output'}` };
  }
  return parseOutput(output, plan);
}

/** Waits for the process to end; says why it could not start. */
async function failureOf(child: ChildProcess): Promise<string | undefined> {
  try {
    await once(child, 'close');
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : 'unknown failure';
  }
}

const searchPath = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

/** Flags that iputils and busybox share, and iputils' own only where they are needed. */
function argumentsFor(plan: EchoPlan): string[] {
  const options = [
    ['-c', String(plan.count)],
    ['-i', seconds(plan.gapMs)],
    ['-W', seconds(plan.waitMs)],
    ['-s', String(plan.size)],
    plan.hopLimit === undefined ? [] : ['-t', String(plan.hopLimit)],
    plan.dontFragment ? ['-M', 'do'] : [],
    plan.source === undefined ? [] : ['-I', plan.source],
  ];
  return ['-n', plan.family === 4 ? '-4' : '-6', ...options.flat(), '--', plan.address];
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

const replyLine =
  /^\d+ bytes from \S+: (?:icmp_)?seq=(?<sequence>\d+) ttl=(?<hopLimit>\d+) time=(?<ms>[\d.]+) ms(?<rest>.*)$/;
const errorLine = /^From (?<router>\S+?):? icmp_seq=\d+ (?<what>.+)$/;
const summaryLine = /^(?<sent>\d+) packets transmitted, (?<received>\d+) (?:packets )?received/;

/** Reads the lines of iputils' and busybox' ping. */
export function parseOutput(output: string, plan: EchoPlan): EchoReport {
  const replies = new Map<number, EchoReply>();
  const errors: EchoError[] = [];
  let [sent, late, duplicate, reordered, corrupted, last] = [0, 0, 0, 0, 0, -1];
  for (const line of output.split('\n')) {
    const reply = replyLine.exec(line)?.groups;
    const error = errorLine.exec(line)?.groups;
    const summary = summaryLine.exec(line)?.groups;
    if (reply !== undefined) {
      const sequence = Number(reply['sequence']);
      const roundTripMs = Number(reply['ms']);
      if (reply['rest']?.includes('DUP!') === true) {
        duplicate++;
        continue;
      }
      if (roundTripMs > plan.waitMs) late++;
      else replies.set(sequence, { roundTripMs, hopLimit: Number(reply['hopLimit']) });
      if (sequence < last) reordered++;
      last = Math.max(last, sequence);
    } else if (error !== undefined) {
      errors.push(describeError(error['router'] ?? '', error['what'] ?? ''));
    } else if (summary !== undefined) {
      sent = Number(summary['sent']);
    } else if (line.startsWith('wrong data byte')) {
      corrupted++;
    }
  }
  return {
    sent,
    replies: inOrder(replies),
    duplicate,
    late,
    reordered,
    corrupted,
    errors,
    setupMs: undefined,
    overflowed: false,
  };
}

function describeError(router: string, what: string): EchoError {
  const message = `${what.toLowerCase()} from ${router}`;
  if (/unreachable|prohibited|filtered/i.test(what)) return { kind: 'unreachable', message };
  if (/time to live|hop limit|time exceeded/i.test(what)) return { kind: 'ttl_exceeded', message };
  return { kind: 'other', message };
}

function inOrder(replies: ReadonlyMap<number, EchoReply>): readonly EchoReply[] {
  return [...replies].toSorted(([a], [b]) => a - b).map(([, reply]) => reply);
}
