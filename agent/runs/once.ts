import type { Check } from '#checks/check';
import type { Clock } from '#lib/clock';
import type { Assignment } from './assignment.ts';
import type { Gate } from './gate.ts';
import type { LoopDelay } from './loop-delay.ts';
import { type Observed, createFailing, observe } from './observe.ts';

export interface OnceOptions {
  readonly clock: Clock;
  readonly gate: Gate;
  readonly loop: LoopDelay;
}

/**
 * Runs one check on one target, now, as the agent would, and keeps nothing of it. Undefined when the
 * signal aborts first.
 */
export async function runOnce(
  { plan, create }: Pick<Assignment, 'plan' | 'create'>,
  { clock, gate, loop }: OnceOptions,
  signal: AbortSignal,
): Promise<Observed | undefined> {
  const leave = await gate.enter(signal).catch(() => undefined);
  if (leave === undefined) return undefined;
  const check = await setUp(create);
  const options = {
    timeoutMs: plan.timeoutMs,
    state: undefined,
    clock,
    blockedMs: () => loop.blockedMs(),
    waiting: leave,
  };
  try {
    return await observe(check, options, signal);
  } finally {
    leave();
    await check[Symbol.asyncDispose]?.();
  }
}

async function setUp(create: () => Promise<Check>): Promise<Check> {
  try {
    return await create();
  } catch (error) {
    return createFailing(error);
  }
}
