import { join } from 'node:path';
import type { Clock } from '#lib/clock';
import type { Logger } from '#lib/log';
import type { CollectorConfiguration, SinkConfiguration } from './config.ts';
import { Forwarder } from './forwarder.ts';
import { DeadLetters } from './forwarder/dead-letters.ts';
import type { LaneStatistics } from './own-metrics.ts';
import type { CollectorQueue } from './queue.ts';
import { sinkTypes } from './sinks/registry.ts';
import type { CreateLookup, Sink } from './sinks/sink.ts';

export interface LanesOptions {
  readonly configuration: Pick<CollectorConfiguration, 'sinks' | 'dataDirectory'>;
  readonly queue: CollectorQueue;
  readonly clock: Clock;
  readonly log: Logger;
  /** How backends' names are looked up; as Node.js does where absent. */
  readonly createLookup?: CreateLookup | undefined;
}

/** A sink with everything that serves it alone: a slow one holds up no other. */
interface Lane {
  readonly name: string;
  readonly sink: Sink;
  readonly deadLetters: DeadLetters;
  readonly forwarder: Forwarder;
}

/** All lanes, forwarding until they are disposed. */
export interface Lanes extends AsyncDisposable {
  readonly sinks: readonly Sink[];
  statistics(): readonly LaneStatistics[];
}

/** Opens the configured sinks and starts to forward what waits for them. */
export async function openLanes(options: LanesOptions): Promise<Lanes> {
  await using stack = new AsyncDisposableStack();
  const lanes: Lane[] = [];
  for (const sink of options.configuration.sinks) lanes.push(await openLane(sink, options, stack));
  for (const { forwarder } of lanes) forwarder.start();
  // All at once: a backend that does not answer takes its time only once, however many there are.
  stack.defer(() => stopAll(lanes));
  const running = stack.move();
  return {
    sinks: lanes.map(({ sink }) => sink),
    statistics: () => lanes.map((lane) => statisticsOf(lane, options.queue)),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function openLane(
  { name, type, settings, labels }: SinkConfiguration,
  { configuration, queue, clock, log, createLookup }: LanesOptions,
  stack: AsyncDisposableStack,
): Promise<Lane> {
  const { dataDirectory } = configuration;
  const sinkType = sinkTypes.find((candidate) => candidate.type === type);
  if (sinkType === undefined) throw new Error(`there is no sink of type ${type}`);
  const spec = { name, settings, labels, dataDirectory, clock, createLookup };
  const sink = stack.use(await sinkType.create(spec));
  const directory = join(dataDirectory, 'dead-letters');
  const deadLetters = stack.use(await DeadLetters.open({ directory, sink: name, clock }));
  const source = queue.source(name);
  const laneLog = log.child({ sink: name });
  const forwarder = new Forwarder({ sink, source, deadLetters, clock, log: laneLog });
  return { name, sink, deadLetters, forwarder };
}

async function stopAll(lanes: readonly Lane[]): Promise<void> {
  await Promise.all(lanes.map(({ forwarder }) => forwarder[Symbol.asyncDispose]()));
}

function statisticsOf(
  { name, deadLetters, forwarder }: Lane,
  queue: CollectorQueue,
): LaneStatistics {
  return {
    sink: name,
    queue: queue.statistics(name),
    forwarder: forwarder.statistics,
    deadLetters: deadLetters.statistics,
  };
}
