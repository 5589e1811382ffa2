import { expect, test } from 'vitest';
import { SeriesLimit } from '#collector/receiver/series-limit';
import { ManualClock } from '../../support/clocks/manual-clock.ts';
import { gauge } from '../../support/otlp/points.ts';

const hourMs = 3_600_000;
const admits = (limit: SeriesLimit, ...names: readonly string[]) =>
  names.map((name) => gauge(name, 0)).map(limit.admission());

test('new series are admitted up to the limit, known ones always', () => {
  const limit = new SeriesLimit(2, new ManualClock());
  expect(admits(limit, 'a', 'b', 'c', 'a', 'b')).toEqual([true, true, false, true, true]);
});

test('attributes and resource make a series, in whatever order; value and time do not', () => {
  const limit = new SeriesLimit(3, new ManualClock());
  const points = [
    gauge('a', 1, { attributes: { x: '1', y: '2' } }),
    gauge('a', 2, { attributes: { y: '2', x: '1' }, value: 5 }),
    gauge('a', 1, { attributes: { x: '2', y: '1' } }),
    gauge('a', 1, { attributes: { x: '1', y: '2' }, resource: {} }),
    gauge('a', 1, { attributes: { x: '1' } }),
  ];
  expect(points.map(limit.admission())).toEqual([true, true, true, true, false]);
});

test('what is silent for two hours makes room, what is heard of every hour stays', async () => {
  const clock = new ManualClock();
  const limit = new SeriesLimit(2, clock);
  admits(limit, 'silent', 'steady');
  for (let hour = 0; hour < 2; hour += 1) {
    await clock.advance(hourMs);
    expect(admits(limit, 'steady')).toEqual([true]);
  }
  expect(admits(limit, 'new', 'another', 'steady')).toEqual([true, false, true]);
});
