import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Follower } from '#agent/runs/follower';
import { follow } from '#agent/runs/runner';
import { createTimetable } from '#agent/runs/schedule';
import type { Run } from '#checks/check';
import type { Schedule } from '#lib/fleet';
import type { Observation } from '#lib/observation';
import { type SeriesMemory, encodeResult } from '#lib/results';
import {
  assignmentOf,
  followerOptions,
  MemoryRecorder,
  up,
} from '../../support/agent/assignments.ts';
import { ManualClock } from '../../support/clocks/manual-clock.ts';
import { formatPoints } from '../../support/otlp/formatted-points.ts';

/** A check that takes as long as it is told, and says at its deadline that it was too long. */
function taking(clock: ManualClock, nextMs: () => number) {
  return async ({ signal }: Run): Promise<Observation> => {
    try {
      await clock.sleep(nextMs(), signal);
      return up;
    } catch {
      const verdict = { status: 'down', error: 'connect_timeout', message: 'timed out' } as const;
      return { verdict, measurements: [] };
    }
  };
}

function expectBalanced({ account }: Follower): void {
  const closed = account.count(
    'completed',
    'overlap',
    'overloaded',
    'outbox_stalled',
    'missed',
    'agent_stopping',
    'agent_stopped',
  );
  expect(account.count('scheduled')).toBe(closed + account.inFlight);
}

describe('simulation', () => {
  test('1,000 checks in 30 s, 3 % blackholes, 300 ms round trips: no run is skipped or late', async () => {
    const clock = new ManualClock();
    const recorder = new MemoryRecorder();
    const options = followerOptions(clock, { recorder });
    const followers = Array.from({ length: 1000 }, (_, index) => {
      const run = taking(clock, () => (index % 33 === 0 ? 1e9 : 900));
      return new Follower(assignmentOf(run, { target: `https://host-${index}/` }), options);
    });
    const stop = new AbortController();
    const running = follow(followers, { clock, graceMs: 20_000 }, stop.signal);
    await clock.advance(300_000);
    for (const { account } of followers) {
      expect(account.count('overlap', 'overloaded', 'outbox_stalled', 'missed', 'late')).toBe(0);
      expect(account.count('scheduled')).toBe(10);
    }
    const waits = recorder.results.flatMap(({ observation }) =>
      observation.measurements.filter(({ metric }) => metric.name.endsWith('admission.wait')),
    );
    expect(Math.max(...waits.map(({ value }) => Number(value)))).toBeLessThan(0.25);
    stop.abort();
    await clock.advance(20_000);
    await running;
    expect(recorder.results).toHaveLength(10_000);
    const down = recorder.results.filter(
      ({ observation }) => observation.verdict.status === 'down',
    );
    expect(down).toHaveLength(310);
  }, 120_000);

  test('the books balance at every moment, under any load', async () => {
    const load = fc.record({
      everyMs: fc.integer({ min: 50, max: 3000 }),
      timeoutMs: fc.integer({ min: 10, max: 4000 }),
      durationsMs: fc.array(fc.integer({ min: 0, max: 6000 }), { minLength: 1, maxLength: 5 }),
      faults: fc.constantFrom('none', 'throws', 'deaf', 'cannot be set up'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(load, { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 12 }),
        async (loads, stepsMs) => {
          const clock = new ManualClock();
          const recorder = new MemoryRecorder();
          const options = followerOptions(clock, { recorder });
          const followers = loads.map(({ everyMs, timeoutMs, durationsMs, faults }, index) => {
            let runs = 0;
            const nextMs = (): number => durationsMs[runs++ % durationsMs.length] ?? 0;
            const deaf = new AbortController().signal;
            const run = async (given: Run): Promise<Observation> => {
              if (faults === 'throws') throw new Error('a bug');
              return taking(clock, nextMs)(faults === 'deaf' ? { ...given, signal: deaf } : given);
            };
            const create = async () => {
              if (faults === 'cannot be set up') throw new Error('no such engine');
              return { run };
            };
            const plan = { target: `host-${index}`, schedule: { everyMs }, timeoutMs, create };
            return new Follower(assignmentOf(run, plan), options);
          });
          const stop = new AbortController();
          const running = follow(followers, { clock, graceMs: 500 }, stop.signal);
          for (const stepMs of stepsMs) {
            await clock.advance(stepMs);
            for (const follower of followers) expectBalanced(follower);
          }
          stop.abort();
          await clock.advance(500);
          await running;
          for (const follower of followers) {
            expectBalanced(follower);
            expect(follower.account.inFlight).toBe(0);
          }
          const completed = followers.map(({ account }) => account.count('completed'));
          expect(recorder.results).toHaveLength(completed.reduce((sum, count) => sum + count, 0));
        },
      ),
      { numRuns: 60 },
    );
  }, 120_000);
});

/** Follows one target for a while and stops. */
async function watch(
  run: (given: Run) => Promise<Observation>,
  {
    forMs = 60_000,
    graceMs = 20_000,
    clock = new ManualClock(),
    ...overrides
  }: {
    forMs?: number;
    graceMs?: number;
    clock?: ManualClock;
    blockedMs?: () => number;
    plan?: Parameters<typeof assignmentOf>[1];
    during?: () => Promise<void>;
  } = {},
) {
  const recorder = new MemoryRecorder();
  const { plan, during, ...rest } = overrides;
  const follower = new Follower(
    assignmentOf(run, plan),
    followerOptions(clock, { recorder, ...rest }),
  );
  const stop = new AbortController();
  const running = follow([follower], { clock, graceMs }, stop.signal);
  await clock.advance(forMs);
  await during?.();
  stop.abort();
  await clock.advance(graceMs);
  await running;
  return {
    results: recorder.results,
    increments: recorder.increments,
    account: follower.account,
    verdicts: recorder.results.map(({ observation }) => observation.verdict),
  };
}

describe('a run', () => {
  test('that throws is unknown, with the message and where it was thrown', async () => {
    const { results } = await watch(async () => {
      throw new Error('cannot read properties of undefined');
    });
    expect(results[0]?.observation).toMatchObject({
      verdict: {
        status: 'unknown',
        error: 'agent_error',
        message: 'cannot read properties of undefined',
      },
      evidence: { stack: expect.stringContaining('runner.test.ts') as string },
    });
  });

  test('gets a signal that aborts at its deadline with a TimeoutError', async () => {
    const clock = new ManualClock();
    let reason: unknown;
    let elapsedMs = 0;
    await watch(
      async ({ signal }) => {
        const startMs = clock.monotonicMs();
        await clock.sleep(1e9, signal).catch((error: unknown) => {
          reason = error;
          elapsedMs = clock.monotonicMs() - startMs;
        });
        return up;
      },
      { clock, forMs: 45_000 },
    );
    expect(reason).toMatchObject({ name: 'TimeoutError' });
    expect(elapsedMs).toBe(10_000);
  });

  test('that ignores its signal is cut off, and no other starts before it has ended', async () => {
    const clock = new ManualClock();
    let runs = 0;
    const { verdicts, results } = await watch(
      async () => {
        runs += 1;
        if (runs === 1) await clock.sleep(100_000, new AbortController().signal);
        return up;
      },
      { clock, forMs: 180_000 },
    );
    expect(verdicts.slice(0, 4)).toEqual([
      {
        status: 'unknown',
        error: 'agent_error',
        message: 'did not end within 1000 ms of its deadline of 10000 ms',
      },
      expect.objectContaining({ message: expect.stringContaining('still has not') as string }),
      expect.objectContaining({ message: expect.stringContaining('still has not') as string }),
      expect.objectContaining({ message: expect.stringContaining('still has not') as string }),
    ]);
    expect(verdicts.slice(4)).toEqual([{ status: 'up' }, { status: 'up' }]);
    expect(results[0]?.durationMs).toBe(11_000);
  });

  test('whose check cannot be set up is unknown, and setting up is tried again', async () => {
    let tries = 0;
    const create = async () => {
      tries += 1;
      if (tries < 3) throw new Error('no ICMP here');
      return { run: async () => up };
    };
    const { verdicts } = await watch(async () => up, { forMs: 90_000, plan: { create } });
    expect(verdicts).toEqual([
      { status: 'unknown', error: 'agent_error', message: 'cannot set up the check: no ICMP here' },
      { status: 'unknown', error: 'agent_error', message: 'cannot set up the check: no ICMP here' },
      { status: 'up' },
    ]);
  });

  test('that fails in time while the event loop stood still is unknown', async () => {
    for (const [blockedMs, status] of [
      [999, 'down'],
      [1000, 'unknown'],
    ] as const) {
      const clock = new ManualClock();
      let blocked = 0;
      const { verdicts, results } = await watch(
        async (given) => {
          blocked += blockedMs;
          return taking(clock, () => 1e9)(given);
        },
        { clock, forMs: 45_000, blockedMs: () => blocked },
      );
      expect(verdicts[0]?.status).toBe(status);
      const { measurements = [] } = results[0]?.observation ?? {};
      const own = measurements.find(({ metric }) => metric.name === 'farpoint.runs.loop.blocked');
      expect(own?.value).toBe(blockedMs / 1000);
    }
  });

  test('that does not end while the event loop stood still is the agent too busy, not a mistake of the check', async () => {
    for (const [blockedMs, error] of [
      [1099, 'agent_error'],
      [1100, 'agent_overloaded'],
    ] as const) {
      const clock = new ManualClock();
      let blocked = 0;
      const { verdicts } = await watch(
        async () => {
          blocked += blockedMs;
          await clock.sleep(20_000, new AbortController().signal);
          return up;
        },
        { clock, blockedMs: () => blocked },
      );
      expect(verdicts[0]).toMatchObject({
        error,
        message: expect.stringContaining('did not end within 1000 ms') as string,
      });
    }
  });

  test('that fails for a reason of its own stays down however busy the agent was', async () => {
    const clock = new ManualClock();
    let blocked = 0;
    const verdict = { status: 'down', error: 'http_status', message: 'status 500' } as const;
    const { verdicts } = await watch(
      async () => {
        blocked += 1000;
        return { verdict, measurements: [] };
      },
      { clock, blockedMs: () => blocked },
    );
    expect(verdicts[0]).toEqual(verdict);
  });

  test('that fails in time stays down when the kernel has timed it', async () => {
    const clock = new ManualClock();
    let blocked = 0;
    const verdict = { status: 'down', error: 'icmp_timeout', message: 'no reply' } as const;
    const { verdicts } = await watch(
      async () => {
        blocked += 5000;
        return { verdict, measurements: [], isTimedOutside: true };
      },
      { clock, blockedMs: () => blocked },
    );
    expect(verdicts[0]).toEqual(verdict);
  });

  test('is given the state of the last result that was recorded', async () => {
    const seen: unknown[] = [];
    await watch(
      async ({ state }) => {
        seen.push(state);
        return { ...up, state: { lines: seen.length } };
      },
      { forMs: 90_000 },
    );
    expect(seen).toEqual([undefined, { lines: 1 }, { lines: 2 }]);
  });
});

test('golden: all an agent emits for a run, its own books included', async () => {
  const clock = new ManualClock();
  const { results } = await watch(
    taking(clock, () => 12_000),
    {
      clock,
      forMs: 75_000,
      plan: {
        timeoutMs: 40_000,
        target: 'edge.example.net',
        check: 'edge',
        schedule: { everyMs: 10_000 },
      },
    },
  );
  let memory: SeriesMemory | undefined;
  const texts = results.map((result) => {
    const encoded = encodeResult(result, memory);
    memory = encoded.memory;
    return formatPoints(encoded.points);
  });
  await expect(texts.slice(0, 2).join('\n')).toMatchFileSnapshot('../../golden/agent-run.txt');
});

describe('time', () => {
  test('a run that outlasts its interval has the ones meanwhile skipped', async () => {
    const clock = new ManualClock();
    const { account } = await watch(
      taking(clock, () => 70_000),
      {
        clock,
        forMs: 300_000,
        graceMs: 100_000,
        plan: { timeoutMs: 80_000 },
      },
    );
    expect(account.count('scheduled')).toBe(10);
    expect(account.count('overlap')).toBe(6);
    expect(account.count('completed')).toBe(4);
  });

  test('a machine that was suspended counts what it missed', async () => {
    const clock = new ManualClock();
    const { account } = await watch(async () => up, {
      clock,
      forMs: 60_000,
      during: async () => {
        clock.step(3_600_000);
        await clock.advance(60_000);
      },
    });
    expect(account.count('missed')).toBeGreaterThanOrEqual(119);
    expect(account.count('missed')).toBeLessThanOrEqual(121);
    expect(account.count('completed')).toBeGreaterThanOrEqual(4);
  });

  test('a clock that is put back an hour stops nothing', async () => {
    const clock = new ManualClock();
    const { account } = await watch(async () => up, {
      clock,
      forMs: 60_000,
      during: async () => {
        clock.step(-3_600_000);
        await clock.advance(300_000);
      },
    });
    expect(account.count('completed')).toBeGreaterThanOrEqual(11);
  });

  test('a clock that leaps by decades stops nothing, and makes no runs that were missed', async () => {
    const clock = new ManualClock(0);
    const { account } = await watch(async () => up, {
      clock,
      during: async () => {
        clock.step(1.7e12);
        await clock.advance(90_000);
      },
    });
    expect(account.count('missed')).toBe(0);
    expect(account.count('completed')).toBeGreaterThanOrEqual(4);
  });
});

describe('stopping', () => {
  test('lets runs in flight end', async () => {
    const clock = new ManualClock();
    const { account, increments } = await watch(
      taking(clock, () => 8000),
      {
        clock,
        forMs: 30_000,
        graceMs: 10_000,
      },
    );
    expect(account.count('completed')).toBe(1);
    expect(increments).toEqual([]);
  });

  test('abandons what does not end in time: skipped, said in a record, and nothing about the target', async () => {
    const clock = new ManualClock();
    let reason: unknown;
    const { account, results, increments } = await watch(
      async ({ signal }) => {
        await clock.sleep(1e9, signal).catch((error: unknown) => {
          reason = error;
        });
        return up;
      },
      { clock, forMs: 30_000, graceMs: 2000, plan: { timeoutMs: 30_000 } },
    );
    expect(account.count('agent_stopping')).toBe(1);
    expect(results).toEqual([]);
    expect(reason).toMatchObject({ name: 'AbortError' });
    const { measurements = [] } = increments[0] ?? {};
    expect(measurements.filter(({ value }) => value !== 0)).toMatchObject([
      { metric: { name: 'farpoint.runs.scheduled' }, value: 1 },
      {
        metric: { name: 'farpoint.runs.skipped' },
        attributes: { reason: 'agent_stopping' },
        value: 1,
      },
    ]);
  });

  test('lets go of the checks', async () => {
    let disposed = false;
    const create = async () => ({
      run: async () => up,
      async [Symbol.asyncDispose]() {
        disposed = true;
      },
    });
    await watch(async () => up, { plan: { create } });
    expect(disposed).toBe(true);
  });
});

describe('starting again', () => {
  /** What all records on disk say of runs, by what became of them. */
  function booksOf({ results, increments }: MemoryRecorder): ReadonlyMap<string, number> {
    const books = new Map<string, number>();
    const all = [...results.map(({ observation }) => observation), ...increments];
    for (const { metric, attributes, value } of all.flatMap(({ measurements }) => measurements)) {
      if (metric.kind !== 'counter') continue;
      const what = attributes?.['reason'] ?? metric.name.slice('farpoint.runs.'.length);
      books.set(what, (books.get(what) ?? 0) + Number(value));
    }
    return books;
  }

  const life = fc.record({
    forMs: fc.integer({ min: 0, max: 300_000 }),
    awayMs: fc.integer({ min: 0, max: 300_000 }),
    isKilled: fc.boolean(),
  });
  const schedule = fc.constantFrom({ everyMs: 7000 }, { cron: '*/10 * * * * *', timezone: 'UTC' });

  test('every moment at which a run was due is booked once, however an agent ended and for however long', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(life, { minLength: 1, maxLength: 5 }),
        schedule,
        (lives, schedule) => expectAllBooked(lives, schedule),
      ),
      { numRuns: 40 },
    );
  }, 60_000);

  async function expectAllBooked(
    lives: readonly { forMs: number; awayMs: number; isKilled: boolean }[],
    schedule: Schedule,
  ): Promise<void> {
    const clock = new ManualClock();
    const recorder = new MemoryRecorder();
    let runs = 0;
    const assignment = assignmentOf(
      taking(clock, () => (runs++ % 3) * 6000),
      { schedule, timeoutMs: 5000 },
    );
    const bookedUnixMs = (): number | undefined => recorder.bookedUnixMsOf(assignment.subject);
    let firstUnixMs = 0;
    for (const { forMs, awayMs, isKilled } of lives) {
      // A life of which nothing is on disk was none.
      if (bookedUnixMs() === undefined) firstUnixMs = clock.unixMs();
      const stop = new AbortController();
      const follower = new Follower(assignment, followerOptions(clock, { recorder }));
      const running = follower.follow(stop.signal, stop.signal);
      await clock.advance(forMs);
      stop.abort();
      await running;
      // A kill leaves no time to say what became of the run in flight.
      if (!isKilled) await follower.finish();
      await clock.advance(awayMs);
    }
    const books = booksOf(recorder);
    const skipped = [...books].filter(([what]) => /^(?!scheduled|completed|late)/.test(what));
    const closed = skipped.reduce((sum, [, count]) => sum + count, books.get('completed') ?? 0);
    expect(books.get('scheduled') ?? 0).toBe(closed);
    const timetable = createTimetable(assignment.plan);
    expect(closed).toBe(timetable.within(firstUnixMs, bookedUnixMs() ?? 0).count);
  }
});
