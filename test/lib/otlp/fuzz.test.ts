import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLogs, encodeLogs } from '#lib/otlp/logs';
import { decodeMetrics, encodeMetrics } from '#lib/otlp/metrics';
import { decodeExportResponse, decodeStatus } from '#lib/otlp/status';
import { DecodeError } from '#lib/protobuf/reader';
import { logRecord, looseLimits, metricPoint } from './arbitraries.ts';

const decoders = [
  (bytes: Uint8Array) => decodeMetrics(bytes, looseLimits),
  (bytes: Uint8Array) => decodeLogs(bytes, looseLimits),
  decodeStatus,
  decodeExportResponse,
];

/** Bytes that begin as a real message, so that mutations reach deep into it. */
const message = fc.oneof(
  fc.array(metricPoint, { minLength: 1, maxLength: 4 }).map(encodeMetrics),
  fc.array(logRecord, { minLength: 1, maxLength: 4 }).map(encodeLogs),
);

test('arbitrary bytes throw nothing but DecodeError', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), expectOnlyDecodeErrors));
});

test('a damaged message throws nothing but DecodeError', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(message, damage, (bytes, changes) => {
      const damaged = Uint8Array.from(bytes);
      for (const [at, value] of changes) damaged[at % damaged.length] = value;
      expectOnlyDecodeErrors(damaged);
    }),
    { numRuns: 500 },
  );
});

test('a message cut anywhere throws nothing but DecodeError', () => {
  fc.assert(
    fc.property(message, fc.nat(), (bytes, cut) => {
      expectOnlyDecodeErrors(bytes.subarray(0, cut % bytes.length));
    }),
  );
});

function expectOnlyDecodeErrors(bytes: Uint8Array): void {
  for (const decode of decoders) {
    try {
      decode(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(DecodeError);
    }
  }
}
