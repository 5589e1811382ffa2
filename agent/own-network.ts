import type { Clock } from '#lib/clock';
import { messageOf } from '#lib/error-message';
import { type DownError, downErrors } from '#lib/error-type';
import type { Logger } from '#lib/log';
import { isLoopback } from '#lib/loopback';
import type { Observation } from '#lib/observation';
import type { Canary } from './own-network/canaries.ts';

/*
 * Tells a silent target from an agent that has lost its network.
 *
 * A failure that may be either asks the canaries at once, all of them, together for all runs that fail
 * at the time. A canary that has answered before and is silent now, or was at any moment of the run,
 * takes the verdict back, unless another target has answered since the run began: then the network
 * works, and the canary is what is broken. But where the system's name server is what was silent, a
 * canary that asks the same has the last word.
 *
 * What never answered proves nothing: a gateway that ignores pings is none. So canaries are also asked
 * when a target answers, until each of them has. Where nothing at all has ever answered, neither target
 * nor canary, this host has shown no sign of a network, and nothing can be said either.
 *
 * Targets on this host need no network; they neither ask the canaries nor speak for the network.
 */

/** How long canaries may take together. */
const roundMs = 2000;
/** A round answers for the failures of this long after it. */
const freshMs = 1000;
/** Canaries that have not answered yet are asked this often while targets do. */
const introductionMs = 60_000;

/** Failures in which nothing at all came back, or only word that there is no way. */
const silences: ReadonlySet<DownError> = new Set([
  ...downErrors.filter((error) => /_(timeout|stall|unreachable)$/.test(error)),
  'dns_servfail',
  'icmp_loss',
] as const);

interface Watched {
  readonly canary: Canary;
  hasAnswered: boolean;
  /** When it was found silent last. */
  silentMs: number;
  /** What its silence looked like. */
  message: string;
}

/** Judges failures of targets by what is known of this host's own network. */
export class OwnNetwork implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #watched: readonly Watched[];
  readonly #end = new AbortController();
  /** When a target answered last. */
  #answerMs = -Infinity;
  #round: Promise<void> = Promise.resolve();
  #roundStartMs = -Infinity;
  #roundEndMs = -Infinity;
  #isLost = false;

  constructor(canaries: readonly Canary[], { clock, log }: { clock: Clock; log: Logger }) {
    this.#clock = clock;
    this.#log = log;
    this.#watched = canaries.map((canary) => ({
      canary,
      hasAnswered: false,
      silentMs: -Infinity,
      message: '',
    }));
  }

  /**
   * The observation of a run that began at `startMs`, or the same as `unknown: agent_no_network`. Takes
   * two seconds at most, and a moment where the network works. Never rejects.
   */
  async judge(observation: Observation, startMs: number): Promise<Observation> {
    const { verdict, peer } = observation;
    if (this.#watched.length === 0 || (peer !== undefined && isLoopback(peer))) return observation;
    if (verdict.status === 'unknown') return observation;
    if (verdict.status === 'up' || !silences.has(verdict.error)) {
      if (peer !== undefined) this.#noteAnswer();
      return observation;
    }
    await this.#ask();
    const isLookup = peer === undefined && verdict.error.startsWith('dns_');
    const why = this.#doubt(isLookup, startMs);
    if (why === undefined) return observation;
    this.#tell(why);
    const message = `${verdict.message}; but ${why}`;
    return { ...observation, verdict: { status: 'unknown', error: 'agent_no_network', message } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort(ended);
    await this.#round;
  }

  #noteAnswer(): void {
    const nowMs = this.#clock.monotonicMs();
    this.#answerMs = nowMs;
    if (this.#isLost) this.#log.info({}, "the agent's own network works again");
    this.#isLost = false;
    const isIntroduced = this.#watched.every(({ hasAnswered }) => hasAnswered);
    if (!isIntroduced && nowMs - this.#roundStartMs >= introductionMs) void this.#ask();
  }

  /**
   * Why nothing can be said of a target that was silent during a run; undefined where something can.
   * `isLookup`: the silence was that of the system's name server.
   */
  #doubt(isLookup: boolean, startMs: number): string | undefined {
    const lost = this.#watched.filter(
      ({ hasAnswered, silentMs }) => hasAnswered && silentMs >= startMs,
    );
    const isResolver = isLookup && lost.some(({ canary }) => canary.name === 'resolver');
    if (lost.length > 0 && (isResolver || this.#answerMs < startMs)) {
      const found = lost.map(({ canary, message }) => `${canary.name}: ${message}`).join('; ');
      return `the agent's own network does not answer either (${found})`;
    }
    const isSilentEver =
      this.#answerMs === -Infinity && this.#watched.every(({ hasAnswered }) => !hasAnswered);
    if (!isSilentEver || this.#watched.every(({ message }) => message === '')) return undefined;
    return 'nothing outside this host has ever answered this agent, its canaries included (agent.canaries)';
  }

  #tell(why: string): void {
    if (!this.#isLost) this.#log.warn({ why }, "the agent's own network seems to be gone");
    this.#isLost = true;
  }

  /** Joins the round under way, is content with one that just ended, or begins one. */
  #ask(): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    const isUnderWay = this.#roundStartMs > this.#roundEndMs;
    if (isUnderWay || nowMs - this.#roundEndMs < freshMs) return this.#round;
    this.#roundStartMs = nowMs;
    this.#round = this.#askAll().finally(() => {
      this.#roundEndMs = this.#clock.monotonicMs();
    });
    return this.#round;
  }

  async #askAll(): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#end.signal]);
    const timeout = new DOMException(`no answer within ${roundMs} ms`, 'TimeoutError');
    this.#clock.sleep(roundMs, signal).then(
      () => over.abort(timeout),
      () => undefined,
    );
    await Promise.all(this.#watched.map((watched) => this.#askOne(watched, signal)));
    over.abort(ended);
  }

  async #askOne(watched: Watched, signal: AbortSignal): Promise<void> {
    const message = await silenceOf(watched.canary, signal);
    if (this.#end.signal.aborted) return;
    watched.message = message ?? '';
    if (message === undefined) watched.hasAnswered = true;
    else watched.silentMs = this.#clock.monotonicMs();
  }
}

/** A reason of our own: the one that abort makes by itself is an exception with a stack. */
const ended = 'ended';

/** What is wrong with a canary; undefined where it answered, with whatever. */
async function silenceOf(canary: Canary, signal: AbortSignal): Promise<string | undefined> {
  try {
    await using held = new AsyncDisposableStack();
    const check = await canary.create(roundMs);
    if (check === undefined) return 'there is none';
    held.defer(async () => check[Symbol.asyncDispose]?.());
    const { verdict } = await check.run({ signal, state: undefined, waiting: () => undefined });
    if (verdict.status === 'up') return undefined;
    const isSilent = verdict.status === 'unknown' || silences.has(verdict.error);
    return isSilent ? verdict.message : undefined;
  } catch (error) {
    return messageOf(error);
  }
}
