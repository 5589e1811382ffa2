import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Measurement, MetricDeclaration, Observation } from '#lib/observation';
import {
  type Result,
  type SeriesMemory,
  encodeIncrements,
  encodeRemoval,
  encodeResult,
} from '#lib/results';
import { resultMetrics } from '#lib/results/metrics';
import { formatLogs, formatPoints } from '../support/otlp/formatted-points.ts';

const phase: MetricDeclaration = {
  name: 'probe.http.duration',
  unit: 's',
  kind: 'gauge',
  description: 'Phases.',
  attributes: ['phase'],
};
const lines: MetricDeclaration = {
  name: 'log.lines',
  unit: '{line}',
  kind: 'counter',
  description: 'Lines read.',
  attributes: ['class'],
};
const times: MetricDeclaration = {
  name: 'log.request.duration',
  unit: 's',
  kind: 'histogram',
  description: 'Request time.',
  buckets: [0.1, 1],
};
const declarations = [phase, lines, times];

const subject = {
  check: 'home',
  type: 'http',
  service: 'clowder',
  target: 'https://clowder.example.org/',
  region: 'eu-west',
  agent: 'eu-west-1',
  labels: { team: 'web' },
};

const up: Observation = {
  verdict: { status: 'up' },
  measurements: [
    { metric: phase, value: 0.01, attributes: { phase: 'connect' } },
    { metric: phase, value: 0.2, attributes: { phase: 'transfer' } },
  ],
};
const down: Observation = {
  verdict: { status: 'down', error: 'http_status', message: 'status 503, expected 2xx' },
  measurements: [{ metric: phase, value: 0.02, attributes: { phase: 'connect' } }],
  evidence: { address: '192.0.2.7', status: 503 },
};
const unknown: Observation = {
  verdict: { status: 'unknown', error: 'agent_overloaded', message: 'event loop late by 2 s' },
  measurements: [],
};

function resultOf(observation: Observation, startedUnixMs = 1_700_000_000_000.7): Result {
  return {
    subject,
    run: 'run-1',
    startedUnixMs,
    durationMs: 215.5,
    timeoutMs: 10_000,
    validUntilUnixMs: startedUnixMs + 100_000.3,
    observation,
    declarations,
  };
}

/** Encodes one observation after the other, 30 s apart, and gives what the last one emitted. */
function encodeAll(...observations: readonly Observation[]): ReturnType<typeof encodeResult> {
  const results = observations.map((each, index) =>
    resultOf(each, 1_700_000_000_000 + index * 3e4),
  );
  return results
    .slice(1)
    .reduce(
      (encoded, result) => encodeResult(result, encoded.memory),
      encodeResult(results[0] ?? resultOf(up), undefined),
    );
}

function names(encoded: { points: ReturnType<typeof encodeResult>['points'] }): string[] {
  return encoded.points.map(({ name, attributes, value }) => {
    const { verdict = '', phase = '', 'error.type': error = '' } = attributes;
    return `${name} ${String(verdict)}${String(phase)}${String(error)} ${value === undefined ? 'ended' : ''}`.trim();
  });
}

describe('encodeResult', () => {
  test('golden: up, then down, then unknown, then up', async () => {
    const sequence = [up, down, unknown, up];
    const text = sequence.map((_, index) => {
      const { points, logs } = encodeAll(...sequence.slice(0, index + 1));
      return `# ${sequence
        .slice(0, index + 1)
        .map(({ verdict }) => verdict.status)
        .join(' → ')}\n${formatPoints(points)}${formatLogs(logs)}`;
    });
    await expect(text.join('\n')).toMatchFileSnapshot('../golden/results.txt');
  });

  test('golden: counters and histograms add up and are given again with every result', async () => {
    const gained: Observation = {
      verdict: { status: 'up' },
      measurements: [
        { metric: lines, value: 3, attributes: { class: '2xx' } },
        { metric: times, value: { counts: [2, 1, 0], sum: 0.5, count: 3 } },
      ],
    };
    const { points } = encodeAll(gained, gained, { verdict: { status: 'up' }, measurements: [] });
    const counted = points.filter(({ kind }) => kind !== 'gauge');
    await expect(formatPoints(counted)).toMatchFileSnapshot('../golden/result-counters.txt');
  });

  test('an unknown run says nothing of success and ends the series', () => {
    expect(names(encodeAll(up, unknown))).toEqual(
      expect.arrayContaining(['probe.success  ended', 'probe.http.duration connect ended']),
    );
    expect(names(encodeAll(unknown))).not.toContain('probe.success');
  });

  test('all three verdicts are there every run, exactly one of them 1', () => {
    for (const observation of [up, down, unknown]) {
      const verdicts = encodeAll(observation).points.filter(({ name }) => name === 'probe.verdict');
      expect(verdicts.map(({ value }) => value)).toEqual(expect.arrayContaining([0, 0, 1]));
      const holds = verdicts.find(({ value }) => value === 1);
      expect(holds?.attributes['verdict']).toBe(observation.verdict.status);
    }
  });

  test('the check knows better how long the target took', () => {
    const { points } = encodeAll({ ...up, durationMs: 12 });
    expect(points.find(({ name }) => name === 'probe.duration')?.value).toBe(0.012);
  });

  test('a log record for every run that was not up, and for a change to up', () => {
    expect(encodeAll(up).logs).toHaveLength(0);
    expect(encodeAll(up, up).logs).toHaveLength(0);
    expect(encodeAll(up, down).logs).toHaveLength(1);
    expect(encodeAll(down, down).logs).toHaveLength(1);
    expect(encodeAll(down, up).logs[0]?.body).toBe('up, was down');
    expect(encodeAll(down, down).logs[0]?.attributes).not.toHaveProperty('verdict.previous');
  });

  test('no label, attribute or evidence can pose as another check or agent', () => {
    const forged: Result = {
      ...resultOf({ ...down, evidence: { agent: 'forged' } }),
      subject: { ...subject, labels: { agent: 'forged', region: 'forged' } },
    };
    const { points, logs } = encodeResult(forged, undefined);
    for (const { attributes } of [...points, ...logs]) {
      expect(attributes).toMatchObject({ agent: 'eu-west-1', region: 'eu-west' });
    }
  });

  test('a changed label ends the old series and starts new ones', () => {
    const before = encodeAll({
      ...up,
      measurements: [{ metric: lines, value: 5, attributes: { class: '2xx' } }],
    });
    const renamed = {
      ...resultOf(down, 1_700_000_100_000),
      subject: { ...subject, labels: { team: 'infra' } },
    };
    const { points, logs } = encodeResult(renamed, before.memory);
    const ended = points.filter(({ value }) => value === undefined);
    expect(ended.map(({ attributes }) => attributes['team'])).toEqual(
      before.points.map(() => 'web'),
    );
    expect(points.filter(({ value }) => value !== undefined)).toHaveLength(
      names(encodeAll(down)).length,
    );
    expect(logs[0]?.attributes['verdict.previous']).toBe('up');
  });

  test('a counter whose declaration went or changed its buckets ends or starts anew', () => {
    const before = encodeAll({
      ...up,
      measurements: [
        { metric: lines, value: 5 },
        { metric: times, value: { counts: [1, 0, 0], sum: 0.05, count: 1 } },
      ],
    });
    const rebuilt = { ...times, buckets: [0.5] };
    const next: Result = {
      ...resultOf(
        { ...up, measurements: [{ metric: rebuilt, value: { counts: [0, 1], sum: 1, count: 1 } }] },
        1_700_000_100_000,
      ),
      declarations: [rebuilt],
    };
    const { points } = encodeResult(next, before.memory);
    expect(points.find(({ name }) => name === 'log.lines')?.value).toBeUndefined();
    expect(points.find(({ name }) => name === 'log.request.duration')?.value).toEqual({
      bounds: [0.5],
      counts: [0, 1],
      sum: 1,
      count: 1,
    });
  });

  test('what is no sound value is left out, and nothing beside it', () => {
    const broken: readonly Measurement[] = [
      { metric: phase, value: Number.NaN, attributes: { phase: 'tls' } },
      { metric: lines, value: -1 },
      { metric: lines, value: Number.POSITIVE_INFINITY },
      { metric: times, value: { counts: [1], sum: 1, count: 1 } },
      { metric: times, value: 3 },
    ];
    const { points } = encodeAll({ ...up, measurements: [...broken, ...up.measurements] });
    expect(points).toEqual(encodeAll(up).points);
  });

  test('memory is plain JSON: it survives a restart unchanged', () => {
    const { memory } = encodeAll(up, { ...down, measurements: [{ metric: lines, value: 1 }] });
    const restored = JSON.parse(JSON.stringify(memory)) as SeriesMemory;
    const next = resultOf(up, 1_700_000_200_000);
    expect(encodeResult(next, restored)).toEqual(encodeResult(next, memory));
  });

  test('times of a target strictly increase, whatever small steps the clock took', () => {
    const starts = fc.array(fc.double({ min: 1e12, max: 1e12 + 50_000, noNaN: true }), {
      minLength: 2,
    });
    fc.assert(
      fc.property(starts, (startsMs) => {
        let memory: SeriesMemory | undefined;
        let last = 0n;
        for (const startMs of startsMs) {
          const encoded = encodeResult(resultOf(up, startMs), memory);
          const moments = new Set(encoded.points.map(({ timeUnixNano }) => timeUnixNano));
          expect(moments.size).toBe(1);
          const [moment = 0n] = moments;
          expect(moment > last).toBe(true);
          last = moment;
          memory = encoded.memory;
        }
      }),
    );
  });

  test('a clock that was far ahead and was put right is believed', () => {
    const { memory } = encodeResult(resultOf(up, 1_700_003_600_000), undefined);
    const { points } = encodeResult(resultOf(up, 1_700_000_000_000), memory);
    expect(points[0]?.timeUnixNano).toBe(1_700_000_000_000_000_000n);
  });

  test('every series is either given or ended, and never both', () => {
    const phases = fc.uniqueArray(fc.constantFrom('resolve', 'connect', 'tls', 'transfer'));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.constantFrom(up, down, unknown), phases)), (runs) => {
        let memory: SeriesMemory | undefined;
        const alive = new Set<string>();
        for (const [index, [{ verdict }, seen]] of runs.entries()) {
          const measurements = seen.map((name) => ({
            metric: phase,
            value: 1,
            attributes: { phase: name },
          }));
          const encoded = encodeResult(
            resultOf({ verdict, measurements }, 1e12 + index * 1000),
            memory,
          );
          const keys = encoded.points.map(({ name, attributes }) =>
            JSON.stringify([name, attributes]),
          );
          expect(new Set(keys).size).toBe(keys.length);
          for (const [at, { value }] of encoded.points.entries()) {
            if (value === undefined) expect(alive.delete(keys[at]!)).toBe(true);
            else alive.add(keys[at]!);
          }
          expect(alive.size).toBe(encoded.memory.gauges.length);
          memory = encoded.memory;
        }
      }),
    );
  });

  test('every metric it emits is declared', () => {
    const declared = new Set([...resultMetrics, ...declarations].map(({ name }) => name));
    for (const { name } of encodeAll(up, down, unknown).points) expect(declared).toContain(name);
  });
});

describe('encodeIncrements', () => {
  test('counts without a result: gauges, verdict and what did not grow stay as they were', () => {
    const before = encodeAll({
      ...up,
      measurements: [{ metric: lines, value: 1, attributes: { class: '5xx' } }],
    });
    const measurements = [
      { metric: lines, value: 2 },
      { metric: lines, value: 0, attributes: { class: '5xx' } },
    ];
    const { points, memory } = encodeIncrements(
      { subject, declarations, measurements, atUnixMs: 1_700_000_001_000 },
      before.memory,
    );
    expect(points.map(({ name, value }) => [name, value])).toEqual([['log.lines', 2]]);
    expect(memory).toMatchObject({ verdict: 'up', gauges: before.memory.gauges });
  });
});

describe('encodeRemoval', () => {
  test('ends every series of a check that is gone', () => {
    const { points, memory } = encodeAll({
      ...up,
      measurements: [...up.measurements, { metric: lines, value: 1 }],
    });
    const ends = encodeRemoval(memory, 1_700_000_090_000);
    const series = (all: typeof points): unknown[] =>
      all.map(({ name, kind, attributes }) => [name, kind, attributes]);
    expect(ends).toHaveLength(points.length);
    expect(series(ends)).toEqual(expect.arrayContaining(series(points)));
    expect(ends.every(({ value }) => value === undefined)).toBe(true);
  });
});
