import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Incident } from '../support/grafana/incident.ts';
import { mutantsOf, mutantsOfRecording } from '../support/grafana/mutations.ts';
import { caughtBy, groups, replay } from '../support/grafana/promtool.ts';
import { needs } from '../support/needs.ts';

const directory = join(import.meta.dirname, 'incidents');
const incidents = await Promise.all(
  readdirSync(directory).map(async (file) => {
    const { incident } = (await import(join(directory, file))) as { incident: Incident };
    return { file, incident };
  }),
);
const alerts = groups.flatMap(({ alerts }) => alerts);

describe('incidents', () => {
  test('there are many, and every alert fires, tells something and is resolved', () => {
    expect(incidents.length).toBeGreaterThanOrEqual(25);
    const firing = incidents.flatMap(({ incident }) => incident.firing);
    for (const { name } of alerts) {
      const own = firing.filter(({ alert }) => alert === name);
      expect(
        own.some(({ to }) => to !== undefined),
        `${name} is resolved`,
      ).toBe(true);
      expect(
        own.some(({ says }) => says !== undefined),
        `${name} tells something`,
      ).toBe(true);
    }
  });
});

// Looks at every minute, at all alerts: what is not expected must not fire.
needs('promtool')('replayed', () => {
  test.concurrent.each(incidents)(
    '$incident.title: $file',
    { timeout: 120_000 },
    async ({ incident }) => {
      expect(await replay(incident)).toBe('');
    },
  );
});

needs('promtool')('mutated', () => {
  test.concurrent.each(alerts)(
    'no mistake in a number of $name passes all incidents',
    { timeout: 240_000 },
    async (alert) => {
      let uncaught = mutantsOf(alert);
      for (const incident of byRelevance(alert.name)) {
        if (uncaught.length === 0) break;
        const caught = await caughtBy(incident, alert, uncaught);
        uncaught = uncaught.filter((mutant) => !caught.includes(mutant));
      }
      expect(uncaught.map(({ change }) => change)).toEqual([]);
    },
  );
});

/** Incidents that notice a mistake in a number by which a recording decides. */
const noticing: Readonly<Record<string, readonly string[]>> = {
  'farpoint:region:held': ['agents-dead-for-hours.ts'],
  'farpoint:region:slowdown': ['fast-target-becomes-slow.ts'],
  'farpoint:target:up': ['long-outage-in-two-of-three.ts', 'two-regions-disagree.ts'],
};

needs('promtool')('mutated recordings', () => {
  test.concurrent.each(groups.flatMap(({ recordings }) => recordings))(
    'no mistake in a number of $name passes all incidents',
    { timeout: 120_000 },
    async (recording) => {
      const { name } = recording;
      const replayed = incidents.filter(({ file }) => noticing[name]?.includes(file));
      for (const { change, wrong } of mutantsOfRecording(recording, groups)) {
        const problems: string[] = [];
        for (const { incident } of replayed) problems.push(await replay(incident, wrong));
        expect(problems.join(''), `${name}: ${change}`).not.toBe('');
      }
    },
  );
});

/** Short ones in which the alert fires come first: they find most mistakes. */
function byRelevance(alert: string): readonly Incident[] {
  const rank = ({ firing, minutes }: Incident): number =>
    minutes + (firing.some((one) => one.alert === alert) ? 0 : 10_000);
  return incidents.map(({ incident }) => incident).sort((one, other) => rank(one) - rank(other));
}
