import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { admitPoints } from '#collector/receiver/admission';
import { metricName } from '#collector/sinks/prometheus/names';
import { Rejections } from '#lib/otlp/limits';
import { gauge } from '../../support/otlp/points.ts';

const stranger = { keyId: 'stranger', agents: [], regions: [], scopes: [] };
const rules = {
  identity: stranger,
  nowUnixMs: 1_700_000_000_000,
  futureMsMax: 0,
  hasRoom: () => true,
};

test('no name that Prometheus turns into a reserved one is open to strangers', () => {
  const word = fc.constantFrom(
    'probe',
    'farpoint',
    'success',
    'total',
    'ratio',
    's',
    ':',
    '1',
    'é',
  );
  const separator = fc.constantFrom('.', '_', '-', '/', ' ', '', 'é', '::');
  const name = fc
    .array(fc.tuple(separator, word), { minLength: 1, maxLength: 5 })
    .map((parts) => parts.flat().join(''));
  const shape = fc.record({
    name,
    unit: fc.constantFrom('', '1', 's', 'probe', 'success'),
    kind: fc.constantFrom('gauge', 'sum'),
    monotonic: fc.boolean(),
  });
  const property = fc.property(shape, (shape) => {
    const written = metricName(shape) ?? '';
    fc.pre(/^(probe|farpoint)(_|$)/.test(written));
    const point = gauge('', rules.nowUnixMs, { ...shape, attributes: {} });
    const { items, rejected } = admitPoints([point], new Rejections(), rules);
    expect(items).toEqual([]);
    expect([...rejected.reasons.keys()]).toEqual(['reserved_name']);
  });
  fc.assert(property, { numRuns: 300 });
});
