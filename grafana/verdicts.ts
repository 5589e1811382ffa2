import type { Recording } from './rule.ts';

/*
 * What is known of a target at an instant.
 *
 * A verdict counts until the moment its run gave (`probe_valid_until_timestamp_seconds`), whatever the
 * interval, and not a moment longer: `last_over_time` would go on finding it, since staleness markers
 * do not empty a range. Ranges only have to be long enough to reach back to it.
 *
 * Regions are merged first, per instant: a region in which several agents look is up where one of them
 * says so. Only what is fresh and conclusive has a vote. When nothing is, that is no recovery: then the
 * last conclusive verdicts are held for an hour, so that an alert does not end because the agents did.
 * A target that its agents no longer check while they go on with others is not held.
 */

const perRegion = 'without (agent, verdict)';
export const perTarget = 'without (region, agent, verdict)';
const heldSeconds = 3600;

/** Series of `probe_verdict` that are fresh. `verdict` is a regular expression, `selector` more matchers. */
export function fresh(verdict: string, lookback: string, selector = ''): string {
  const verdicts = `last_over_time(probe_verdict{${join(`verdict=~"${verdict}"`, selector)}}[${lookback}])`;
  return `(${verdicts} and ignoring (verdict) ${isFresh(lookback, selector)})`;
}

/** Series whose verdict is fresh; matches others by all labels but those of the metric. */
export function isFresh(lookback: string, selector = ''): string {
  return `(${validUntil(lookback, selector)} > time())`;
}

/** 1 where a region says up, 0 where down; nothing where it cannot say. */
export function regionUp(lookback: string, selector = ''): string {
  const conclusive = `max ${perRegion} (${fresh('up|down', lookback, selector)}) == 1`;
  return `max ${perRegion} (${fresh('up', lookback, selector)}) and (${conclusive})`;
}

export function verdictRecordings(lookback: string): readonly Recording[] {
  return [
    { name: 'farpoint:region:up', expression: regionUp(lookback) },
    { name: 'farpoint:region:held', expression: regionHeld(lookback) },
  ];
}

/*
 * Over recordings of the same group, and not recorded themselves: vmalert reads what it recorded only at
 * the next evaluation, so that every link of a chain would be half a minute of delay.
 */

/** The share of the regions that say up, of those that can tell. */
export const upShare =
  '(avg without (region) (farpoint:region:up) or avg without (region) (farpoint:region:held))';

/** How many regions can tell. */
export function regionsThatTell(lookback: string): string {
  return `count without (region) (farpoint:region:up) or 0 * max ${perTarget} (${fresh('up', lookback)})`;
}

/** The last conclusive verdict, while it or its agent is not long gone. `probe_success` skips unknown runs. */
function regionHeld(lookback: string): string {
  const valid = validUntil(lookback);
  const recent = `(${valid} > time() - ${heldSeconds}) unless on (region, agent) ${isFresh(lookback)}`;
  return `max without (agent) (last_over_time(probe_success[${lookback}]) and (${isFresh(lookback)} or (${recent})))`;
}

function validUntil(lookback: string, selector = ''): string {
  return `last_over_time(probe_valid_until_timestamp_seconds{${selector}}[${lookback}])`;
}

function join(...matchers: readonly string[]): string {
  return matchers.filter(Boolean).join(', ');
}

/** For panels: 3 up, 2 down, 1 unknown; nothing where no verdict is fresh. */
export function regionState(lookback: string, selector: string): string {
  const states = [
    `3 * ${fresh('up', lookback, selector)}`,
    `2 * ${fresh('down', lookback, selector)}`,
    fresh('unknown', lookback, selector),
  ];
  return `max by (job, instance, check, region) (${states.join(' or ')})`;
}
