import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type {
  EchoError,
  EchoPlan,
  EchoReply,
  EchoReport,
  EchoUnavailable,
  Pinger,
} from './pinger.ts';
import type { SystemPingJob } from './system-ping-worker.ts';

const searchPath = '/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin';

export type SystemBinary = Pick<Pinger, 'echo'>;

/** Finds out whether the system's `ping` may send from here; says why when it may not. */
export async function openSystemBinary(): Promise<SystemBinary | EchoUnavailable> {
  const plan: EchoPlan = {
    address: '127.0.0.1',
    family: 4,
    count: 1,
    gapMs: 10,
    waitMs: 1000,
    timeLeftMs: 5000,
    size: 56,
    hopLimit: undefined,
    dontFragment: false,
    source: undefined,
    stragglers: { duplicate: 0, late: 0, corrupted: 0 },
  };
  const report = await echo(plan, AbortSignal.timeout(5000));
  return 'unavailable' in report ? report : { echo };
}

/**
 * Runs the system's `ping` once, through the package of that name. It runs in a thread of its own: a line
 * it cannot parse throws in its listener, which ends the thread and not the agent, and the thread's
 * environment holds the language still.
 */
async function echo(plan: EchoPlan, signal: AbortSignal): Promise<EchoReport | EchoUnavailable> {
  const sendingMs = (plan.count - 1) * plan.gapMs;
  const waitMs = Math.min(plan.waitMs, Math.max(plan.timeLeftMs - sendingMs - startMs, waitMsMin));
  const job: SystemPingJob = {
    address: plan.address,
    options: argumentsFor(plan, waitMs),
    count: plan.count,
  };
  const worker = new Worker(new URL('./system-ping-worker.ts', import.meta.url), {
    workerData: job,
    env: { PATH: searchPath, LC_ALL: 'C' },
  });
  try {
    const [output] = await once(worker, 'message', { signal });
    if (typeof output === 'string' && output.startsWith('PING ')) return parseOutput(output, plan);
    return { unavailable: `the system's ping refused: ${String(output).trim() || 'no output'}` };
  } catch (error) {
    if (signal.aborted) return { unavailable: "the run ended before the system's ping did" };
    const reason = error instanceof Error ? error.message.trim() : 'unknown failure';
    return { unavailable: `cannot run the system's ping: ${reason}` };
  } finally {
    await worker.terminate();
  }
}

/** To have a thread and a process; packets then have so much less time, so that the answer is not cut off. */
const startMs = 500;
const waitMsMin = 50;

/** Flags that iputils and busybox share, and iputils' own only where they are needed. */
function argumentsFor(plan: EchoPlan, waitMs: number): string[] {
  const options = [
    ['-i', seconds(plan.gapMs)],
    ['-W', seconds(waitMs)],
    ['-s', String(plan.size)],
    plan.hopLimit === undefined ? [] : ['-t', String(plan.hopLimit)],
    plan.dontFragment ? ['-M', 'do'] : [],
    plan.source === undefined ? [] : ['-I', plan.source],
  ];
  return [plan.family === 4 ? '-4' : '-6', ...options.flat()];
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
