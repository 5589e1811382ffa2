import { z } from 'zod';
import { isMap, suggestion, type ConfigurationReading, type Section } from '#lib/configuration';
import type { SinkType } from '../sinks/sink.ts';
import { notBuiltSinkTypes, sinkListSchema, sinkShape } from './schema.ts';

export interface SinkConfiguration {
  readonly name: string;
  readonly type: string;
  /** What may wait for it: beyond that the oldest is dropped, unless it is required. */
  readonly queue: {
    readonly bytesMax: number;
    readonly ageMaxMs: number;
    readonly required: boolean;
  };
  readonly labels: Readonly<Record<string, string>>;
  /** What the sink type's own schema made of its keys. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The sinks in their order; history, where none is configured, so that the collector works at once. */
export function readSinks(
  reading: ConfigurationReading,
  top: Section,
  types: readonly SinkType[],
): readonly SinkConfiguration[] {
  reading.validate(
    sinkListSchema,
    reading.pick(top, (key) => key === 'sinks'),
  );
  const written = Array.isArray(top['sinks']) ? top['sinks'].filter(isMap) : [];
  const names = new Set<unknown>();
  for (const sink of written) {
    if (names.has(sink['name'])) reading.mistake(sink, ['name'], 'another sink has this name');
    names.add(sink['name']);
  }
  if (written.length === 0) {
    const history = types.find(({ type }) => type === 'history');
    return history === undefined ? [] : [historyByDefault(history)];
  }
  return written.flatMap((sink) => readSink(reading, sink, types) ?? []);
}

function historyByDefault({ type, settings }: SinkType): SinkConfiguration {
  const { name, labels, queue } = z.object(sinkShape).parse({ name: type, type });
  return { name, type, labels, queue: toBounds(queue), settings: settings.parse({}) };
}

function readSink(
  reading: ConfigurationReading,
  section: Section,
  types: readonly SinkType[],
): SinkConfiguration | undefined {
  const common = reading.validate(z.object(sinkShape), section);
  const written = section['type'];
  if (typeof written !== 'string') return undefined;
  const type = types.find((candidate) => candidate.type === written);
  if (type === undefined) {
    const names = types.map((candidate) => candidate.type);
    const message = notBuiltSinkTypes.includes(written)
      ? 'not built yet in this version; remove the sink'
      : `no such type of sink${suggestion(written, names)}; types are ${names.join(', ')}`;
    reading.mistake(section, ['type'], message);
    return undefined;
  }
  const keys = reading.pick(section, (key) => !Object.hasOwn(sinkShape, key));
  const settings = reading.validate(type.settings.strict(), keys, {
    alsoKnown: Object.keys(sinkShape),
    notBuilt: ['only', ...(type.notBuilt ?? [])],
  });
  if (common === undefined || settings === undefined) return undefined;
  const { name, labels, queue } = common;
  return { name, type: written, labels, queue: toBounds(queue), settings };
}

function toBounds({
  size,
  age,
  required,
}: z.output<typeof sinkShape.queue>): SinkConfiguration['queue'] {
  return { bytesMax: size, ageMaxMs: age, required };
}
