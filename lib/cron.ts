import { parse, validateDetailed } from 'node-cron';

const daySeconds = 86_400;

/** What is wrong with a cron expression, never quoting it (five fields, or six with seconds first); undefined when nothing is. */
export function cronMistake(expression: string): string | undefined {
  const { valid, errors } = validateDetailed(expression);
  if (valid) return undefined;
  const error = errors[0];
  if (error === undefined || error.field === 'expression') {
    return `expected a cron expression such as '*/5 * * * *'${error === undefined ? '' : `: ${error.message}`}`;
  }
  const field = error.field.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `the ${field} is not possible in a cron expression`;
}

/** The shortest time between two runs of a valid expression, were it to apply every day. */
export function cronGapMs(expression: string): number {
  const times = secondsOfDay(expression);
  const nextDay = (times[0] ?? 0) + daySeconds;
  const gaps = times.map((time, index) => (times[index + 1] ?? nextDay) - time);
  return gaps.reduce((least, gap) => Math.min(least, gap), daySeconds) * 1000;
}

/** Runs on a day on which the expression applies. */
export function cronRunsPerDay(expression: string): number {
  return secondsOfDay(expression).length;
}

function secondsOfDay(expression: string): readonly number[] {
  const { second, minute, hour } = parse(expression);
  const minutes = hour.flatMap((hours) => minute.map((minutes) => hours * 60 + minutes));
  return minutes
    .flatMap((minutes) => second.map((seconds) => minutes * 60 + seconds))
    .toSorted((left, right) => left - right);
}
