import { z } from 'zod';
import { duration } from '#lib/scalars';
import { Failure } from './failure.ts';
import type { Phase, Phases } from './phases.ts';

/** The upper limit of one phase. */
export const limit = duration.optional();

/** The `time` key of expectations: upper limits of the phases a type of check has, and of the whole. */
export function timeSettings<Shape extends Partial<Record<Phase, typeof limit>>>(
  phases: Shape,
): z.ZodObject<Shape & { total: typeof limit }> {
  return z
    .strictObject({ ...phases, total: limit })
    .describe('Upper limits of the phases, and of the whole run');
}

/** Everything that took longer than it may. */
export function judgeTime(
  { phases, totalMs }: { readonly phases: Phases; readonly totalMs: number },
  limits: Readonly<Partial<Record<Phase | 'total', number | undefined>>>,
): Failure[] {
  const took: [Phase | 'total', number][] = [['total', totalMs], ...phases];
  return took.flatMap(([name, ms]) => {
    const limitMs = limits[name];
    if (limitMs === undefined || ms <= limitMs) return [];
    const what = name === 'total' ? 'the whole' : name;
    return Failure.down(
      'too_slow',
      `${what} took ${ms.toFixed(1)} ms, expected at most ${limitMs} ms`,
    );
  });
}
