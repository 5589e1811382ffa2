import type { Alert, Recording, RuleGroup } from '#grafana/rule';

/** An alert with one mistake in it. */
export interface Mutant {
  readonly change: string;
  readonly wrong: Alert;
}

/**
 * Every mistake of a number: the threshold half as much again, and a third less, and so each number by
 * which the expression itself decides; the delay a minute off.
 */
export function mutantsOf(alert: Alert): readonly Mutant[] {
  const { fires } = alert;
  const [side, threshold] = 'above' in fires ? ['above', fires.above] : ['below', fires.below];
  const minutes = Number.parseInt(alert.for, 10);
  return [
    ...wrongThresholds(threshold).map((wrong) => ({
      change: `${side} ${wrong}, not ${threshold}`,
      wrong: { ...alert, fires: side === 'above' ? { above: wrong } : { below: wrong } },
    })),
    ...wrongExpressions(alert.expression).map(([change, expression]) => ({
      change,
      wrong: { ...alert, expression },
    })),
    ...(minutes === 0 ? [1] : [minutes - 1, minutes + 1]).map((wrong) => ({
      change: `for ${wrong}m, not ${alert.for}`,
      wrong: { ...alert, for: `${wrong}m` },
    })),
  ];
}

/** All rules with one mistake in a number by which a recording decides. */
export function mutantsOfRecording(
  recording: Recording,
  groups: readonly RuleGroup[],
): readonly { readonly change: string; readonly wrong: readonly RuleGroup[] }[] {
  return wrongExpressions(recording.expression).map(([change, expression]) => ({
    change,
    wrong: groups.map((group) => ({
      ...group,
      recordings: group.recordings.map((one) =>
        one.name === recording.name ? { ...one, expression } : one,
      ),
    })),
  }));
}

/** Of a count, and of what must not happen at all, no share can be taken. */
function wrongThresholds(threshold: number): readonly number[] {
  if (threshold === 0) return [-1, 5];
  if (threshold === 1) return [0, 2];
  return [threshold / 1.5, threshold * 1.5];
}

/** Not in durations and names, not what only converts a unit, and not the 0 and 1 of arithmetic. */
const numbers = /(?<![\w.:[]|\/ )\d+(?:\.\d+)?(?![\w.])/g;

function wrongExpressions(expression: string): readonly (readonly [string, string])[] {
  return [...expression.matchAll(numbers)]
    .filter(([number]) => !['0', '1'].includes(number))
    .flatMap(({ 0: number, index }) =>
      wrongThresholds(Number(number)).map(
        (wrong) =>
          [
            `${wrong} for ${number} at ${index}`,
            `${expression.slice(0, index)}${wrong}${expression.slice(index + number.length)}`,
          ] as const,
      ),
    );
}
