import type { RunCounts } from './counts.ts';
import { fineCount } from './counts/durations.ts';
import { methods } from './counts/methods.ts';
import { type Tally, cellOf, statusClasses } from './counts/tally.ts';
import type { RouteSlot, WindowState } from './state.ts';

/** What a window adds up to, for one route or for all of them. */
export interface WindowTotals {
  /** Requests, and those by status class. */
  readonly requests: number;
  readonly classes: readonly number[];
  readonly durations: Uint32Array;
  readonly upstreams: Uint32Array;
}

/**
 * Adds the tallies of a run, keyed by slot, and leaves out what is older than the window, or was in a future
 * from which the clock was put back. Lines are filed under the time they were logged at: a backlog is not
 * mistaken for what happens now.
 */
export function advanceWindow(
  window: WindowState | undefined,
  counts: RunCounts,
  routes: readonly string[],
): WindowState {
  const { tallies, slotMs, oldestSlot, newestSlot } = counts;
  const before = window?.slotMs === slotMs ? window.slots : [];
  const slots = new Map(before.map(({ slot, routes }) => [slot, { ...routes }]));
  for (const [slot, tally] of tallies) {
    const present = slots.get(slot) ?? {};
    for (const [index, name] of routes.entries()) {
      const gained = routeSlot(tally, index);
      if (gained !== undefined) present[name] = merged(present[name], gained);
    }
    if (Object.keys(present).length > 0) slots.set(slot, present);
  }
  const kept = [...slots]
    .filter(([slot]) => slot >= oldestSlot && slot <= newestSlot)
    .sort(([a], [b]) => a - b);
  return { slotMs, slots: kept.map(([slot, routes]) => ({ slot, routes })) };
}

/** The sum over a window, of one route or of all. */
export function windowTotals({ slots }: WindowState, route?: string): WindowTotals {
  const classes = statusClasses.map(() => 0);
  const durations = new Uint32Array(fineCount);
  const upstreams = new Uint32Array(fineCount);
  for (const { routes } of slots) {
    for (const [name, slot] of Object.entries(routes)) {
      if (route !== undefined && name !== route) continue;
      for (const [index, count] of slot.classes.entries())
        classes[index] = (classes[index] ?? 0) + count;
      addSparse(durations, slot.durations);
      addSparse(upstreams, slot.upstreams);
    }
  }
  return {
    requests: classes.reduce((sum, count) => sum + count, 0),
    classes,
    durations,
    upstreams,
  };
}

/** The routes that had requests in a window. */
export function windowRoutes({ slots }: WindowState): string[] {
  return [...new Set(slots.flatMap(({ routes }) => Object.keys(routes)))];
}

function routeSlot(tally: Tally, route: number): RouteSlot | undefined {
  const classes = statusClasses.map((_, statusClass) => {
    let sum = 0;
    for (let method = 0; method < methods.length; method++) {
      sum += tally.requests[cellOf(route, method, statusClass)] ?? 0;
    }
    return sum;
  });
  if (classes.every((count) => count === 0)) return undefined;
  return {
    classes,
    durations: sparse(tally.durations.of(route)),
    upstreams: sparse(tally.upstreams.of(route)),
  };
}

function merged(a: RouteSlot | undefined, b: RouteSlot): RouteSlot {
  if (a === undefined) return b;
  return {
    classes: b.classes.map((count, index) => count + (a.classes[index] ?? 0)),
    durations: mergedSparse(a.durations, b.durations),
    upstreams: mergedSparse(a.upstreams, b.upstreams),
  };
}

function mergedSparse(a: readonly number[], b: readonly number[]): number[] {
  const counts = new Uint32Array(fineCount);
  addSparse(counts, a);
  addSparse(counts, b);
  return sparse(counts);
}

function sparse(counts: Uint32Array): number[] {
  const pairs: number[] = [];
  for (const [bucket, count] of counts.entries()) if (count > 0) pairs.push(bucket, count);
  return pairs;
}

function addSparse(counts: Uint32Array, pairs: readonly number[]): void {
  for (let index = 0; index + 1 < pairs.length; index += 2) {
    const bucket = pairs[index] ?? 0;
    counts[bucket] = (counts[bucket] ?? 0) + (pairs[index + 1] ?? 0);
  }
}
