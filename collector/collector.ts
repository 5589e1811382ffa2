import type { FastifyInstance } from 'fastify';
import type { Clock } from '#lib/clock';
import type { Logger } from '#lib/log';
import type { QueueIncident } from '#lib/queue';
import { createIncidentLog } from '#lib/queue/incident-log';
import { unusableFolder } from '#lib/unusable-folder';
import type { CollectorConfiguration, KeyConfiguration } from './config.ts';
import { KeyRing, type Permission } from './keys.ts';
import { type Lanes, openLanes } from './lanes.ts';
import { agentFamilies, laneFamilies, ProcessMetrics } from './own-metrics.ts';
import { type CollectorQueue, openCollectorQueue } from './queue.ts';
import { Receiver } from './receiver.ts';
import { Telemetry } from './receiver/telemetry.ts';
import { addHistoryRoutes } from './routes/history.ts';
import { addOperationRoutes } from './routes/operation.ts';
import { addOtlpRoutes } from './routes/otlp.ts';
import { startServer } from './server.ts';
import { HistorySink } from './sinks/history.ts';
import type { CreateLookup } from './sinks/sink.ts';

export interface CollectorOptions {
  readonly configuration: CollectorConfiguration;
  readonly clock: Clock;
  readonly log: Logger;
  readonly version: string;
  /** Label `collector` of all its own metrics. */
  readonly name: string;
  /** How backends' names are looked up; as Node.js does where absent. */
  readonly createLookup?: CreateLookup;
}

/** A running collector. Disposing it stops it from the senders' side on; what was accepted stays on disk. */
export interface Collector extends AsyncDisposable {
  readonly url: string;
  /** Blocks that wait for each sink. */
  backlog(): Readonly<Record<string, number>>;
  /** The one part of the configuration that can change while it runs. */
  replaceKeys(keys: readonly KeyConfiguration[]): void;
}

/**
 * Starts everything from the backends' side on, the listener last. Rejects when a part cannot start;
 * what runs by then is stopped again.
 */
export async function startCollector(options: CollectorOptions): Promise<Collector> {
  const { configuration, clock, log } = options;
  await using stack = new AsyncDisposableStack();
  const telemetry = new Telemetry();
  const keys = new KeyRing(configuration.keys, clock);
  const { queue, lanes } = stack.use(await openOnDisk(options, telemetry));
  for (const { owner, receivedUnixMs } of queue.outboxes) telemetry.seen(owner, receivedUnixMs);
  const receiver = new Receiver({ limits: configuration.limits, queue, clock, telemetry, log });
  const processMetrics = stack.use(new ProcessMetrics(options.version, clock));
  const addRoutes = (app: FastifyInstance): void => {
    addOtlpRoutes(app, { receiver, keys, limits: configuration.limits, clock, telemetry, log });
    addOperationRoutes(app, {
      trouble: () => receiver.trouble,
      metrics: () => [
        ...telemetry.families,
        ...laneFamilies(lanes.statistics(), clock.unixMs()),
        ...agentFamilies(keys.agents, telemetry),
        ...processMetrics.take(),
      ],
      labels: { collector: options.name },
    });
    addHistory(app, { lanes, keys, clock, log });
  };
  const { listen, tls } = configuration;
  const server = stack.use(await startServer({ listen, tls, log, addRoutes }));
  const running = stack.move();
  return {
    url: server.url,
    backlog: () =>
      Object.fromEntries(lanes.statistics().map(({ sink, queue }) => [sink, queue.pendingBlocks])),
    replaceKeys: (replacement) => keys.replace(replacement),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

interface OnDisk extends AsyncDisposable {
  readonly queue: CollectorQueue;
  readonly lanes: Lanes;
}

/** Opens the queue, and the sinks with what they keep; rejects with the name of the folder. */
async function openOnDisk(
  { configuration, clock, log, createLookup }: CollectorOptions,
  telemetry: Telemetry,
): Promise<OnDisk> {
  await using stack = new AsyncDisposableStack();
  try {
    const report = reporter(telemetry, clock, log);
    const queue = stack.use(await openCollectorQueue({ ...configuration, clock, report }));
    const lanes = stack.use(await openLanes({ configuration, queue, clock, log, createLookup }));
    const running = stack.move();
    return { queue, lanes, [Symbol.asyncDispose]: () => running.disposeAsync() };
  } catch (cause) {
    throw unusableFolder(configuration.dataDirectory, 'data', cause);
  }
}

/** Damage and drops are for the operator to know: told in the log, and counted. */
function reporter(
  telemetry: Telemetry,
  clock: Clock,
  log: Logger,
): (incident: QueueIncident) => void {
  const tell = createIncidentLog('queue', clock, log);
  return (incident) => {
    telemetry.incidents.add(1, { kind: incident.kind });
    tell(incident);
  };
}

/** The history can be read where there is one. */
function addHistory(
  app: FastifyInstance,
  {
    lanes,
    keys,
    clock,
    log,
  }: { readonly lanes: Lanes; readonly keys: KeyRing; readonly clock: Clock; readonly log: Logger },
): void {
  const history = lanes.sinks.find((sink) => sink instanceof HistorySink);
  if (history === undefined) return;
  const mayRead = (authorization: string | undefined): Permission =>
    keys.permission('read', authorization);
  addHistoryRoutes(app, { history, mayRead, clock, log });
}
