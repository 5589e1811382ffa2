import { describe, expect, test } from 'vitest';
import { Gate } from '#agent/runs/gate';
import { ManualClock } from '../../support/clocks/manual-clock.ts';

const never = new AbortController().signal;

describe('gate', () => {
  test('admits as many as it has passes, and the next when one is handed back, in order', async () => {
    const clock = new ManualClock();
    const gate = new Gate(2, clock);
    const admitted: number[] = [];
    const leaves = [0, 1, 2, 3].map((index) =>
      gate.enter(never).then((leave) => {
        admitted.push(index);
        return leave;
      }),
    );
    await clock.advance(0);
    expect(admitted).toEqual([0, 1]);
    (await leaves[1])?.();
    await clock.advance(0);
    expect(admitted).toEqual([0, 1, 2]);
    (await leaves[1])?.();
    await clock.advance(0);
    expect(admitted, 'handing back twice gives no second pass').toEqual([0, 1, 2]);
  });

  test('takes a pass back after 5 ms, so that waiting for the network holds up nobody', async () => {
    const clock = new ManualClock();
    const gate = new Gate(1, clock);
    await gate.enter(never);
    let second = false;
    void gate.enter(never).then(() => (second = true));
    await clock.advance(4.9);
    expect(second).toBe(false);
    await clock.advance(0.2);
    expect(second).toBe(true);
  });

  test('gives nobody a pass who has stopped waiting', async () => {
    const clock = new ManualClock();
    const gate = new Gate(1, clock);
    const leave = await gate.enter(never);
    const stop = new AbortController();
    const waiting = gate.enter(stop.signal);
    stop.abort(new Error('stopped'));
    await expect(waiting).rejects.toThrow('stopped');
    leave();
    const next = await gate.enter(never);
    expect(next).toBeTypeOf('function');
  });
});
