import { expect, test } from 'vitest';
import { grafanaExplanations, grafanaWords } from '#grafana/words';
import { target } from '../support/grafana/incident.ts';
import { askDuring, type Look } from '../support/grafana/promtool.ts';
import { needs } from '../support/needs.ts';
import { incident as inOne } from './incidents/outage-in-one-region.ts';
import { incident as inTwo } from './incidents/outage-in-two-of-three.ts';
import { incident as cannotTell } from './incidents/region-cannot-tell-in-outage.ts';

const nobody: Look['series'] = [[{}, 0]];
const lastUp = 9.5 * 60;

/** At a minute, what the words of a summary are made of. */
function looks(words: string, minute: number, answers: Readonly<Record<string, Look['series']>>) {
  const queries = grafanaExplanations(words);
  expect(Object.keys(queries)).toEqual(Object.keys(answers));
  return Object.entries(queries).map(([name, query]) => {
    return { query, minute, series: answers[name] ?? [] };
  });
}

needs('promtool')('what an alert of Grafana knows besides its value', () => {
  test('of a target that is down: the commonest error and when it was up, and nothing once it is up', async () => {
    const words = `${grafanaWords.why('target')}${grafanaWords.since('down')}`;
    const asked = [
      ...looks(words, 12, {
        Why: [[{ ...target, error_type: 'http_status' }, 2]],
        SinceDown: [[target, lastUp]],
      }),
      ...looks(words, 30, { Why: nobody, SinceDown: nobody }),
    ];
    expect(await askDuring(inTwo, asked)).toBe('');
  });

  test('of one region that is down: its error, and when each was up there', async () => {
    const words = `${grafanaWords.why('region')}${grafanaWords.since('region')}`;
    const there = { ...target, region: 'ap-south' };
    const asked = looks(words, 13, {
      WhyThere: [[{ ...there, error_type: 'connect_timeout' }, 1]],
      SinceThere: [
        [there, lastUp],
        [{ ...target, region: 'eu-west' }, 13 * 60],
        [{ ...target, region: 'us-east' }, 13 * 60],
      ],
    });
    expect(await askDuring(inOne, asked)).toBe('');
  });

  test('why a region was down that cannot tell for a moment', async () => {
    const there = { ...target, region: 'eu-west', error_type: 'connect_timeout' };
    const words = grafanaWords.why('region');
    const asked = [
      ...looks(words, 15, { WhyThere: [[there, 1]] }),
      ...looks(words, 22, { WhyThere: nobody }),
    ];
    expect(await askDuring(cannotTell, asked)).toBe('');
  });

  test('when a target that nobody can judge was up last', async () => {
    const words = grafanaWords.since('target');
    expect(await askDuring(inOne, looks(words, 13, { Since: [[target, 13 * 60]] }))).toBe('');
  });
});
