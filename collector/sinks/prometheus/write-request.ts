import type { ProtobufWriter } from '#lib/protobuf/writer';
import type { Sample, Series } from './series.ts';

/** The one NaN that ends a series; a JavaScript number cannot carry its bits. */
const staleNaN = 0x7ff0000000000002n;

/**
 * A WriteRequest of Prometheus remote write 1.0: TimeSeries in field 1, its labels in 1 and samples in
 * 2, a sample's value in 1 and its milliseconds in 2.
 */
export function encodeWriteRequest(
  groups: ReadonlyMap<Series, readonly Sample[]>,
  writer: ProtobufWriter,
): Uint8Array {
  for (const [series, samples] of groups) {
    const timeSeries = writer.begin(1);
    writer.encoded(series.encodedLabels);
    for (const { value, unixMs } of samples) {
      const sample = writer.begin(2);
      if (value === 'stale') writer.fixed64(1, staleNaN);
      else writer.double(1, value);
      writer.int64(2, unixMs);
      writer.end(sample);
    }
    writer.end(timeSeries);
  }
  return writer.finish();
}
