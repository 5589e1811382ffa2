import { join } from 'node:path';
import type { CheckServices, CheckType } from '#checks/check';
import { createEgressPolicy } from '#checks/net/egress';
import { checkTypes } from '#checks/registry';
import type { Clock } from '#lib/clock';
import { unusableFolder } from '#lib/unusable-folder';
import type { Logger } from '#lib/log';
import type { AgentConfiguration } from './config.ts';
import { Exporter } from './export.ts';
import { CollectorClient } from './export/collector-client.ts';
import { type Outbox, openOutbox } from './outbox.ts';
import { OwnNetwork } from './own-network.ts';
import { createCanaries } from './own-network/canaries.ts';
import { assign } from './runs/assignment.ts';
import { Follower, type FollowerOptions } from './runs/follower.ts';
import { Gate, passes } from './runs/gate.ts';
import { LoopDelay } from './runs/loop-delay.ts';
import { SharedResources } from './runs/shared-resources.ts';

export interface AgentOptions {
  readonly configuration: AgentConfiguration;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly types?: readonly CheckType[];
}

/** A running agent's parts, for those who look after them. */
export interface AgentParts extends AgentOptions {
  readonly outbox: Outbox;
  readonly loop: LoopDelay;
  readonly clients: readonly CollectorClient[];
  readonly exporter: Exporter;
  readonly followers: readonly Follower[];
}

/** Opens everything an agent consists of; it goes with the stack. Rejects when the data folder cannot be used. */
export async function openParts(
  options: AgentOptions,
  resources: AsyncDisposableStack,
): Promise<AgentParts> {
  const { configuration, clock, log, types = checkTypes, version } = options;
  const outbox = resources.use(await openOutboxOf(options));
  const loop = resources.use(new LoopDelay(clock));
  const { shared } = resources.use(new SharedResources());
  const { urls, key } = configuration.collector;
  const userAgent = `farpoint-agent/${version}`;
  const clients = urls.map((url) =>
    resources.use(new CollectorClient({ url, key, userAgent, clock })),
  );
  const quarantineDirectory = join(configuration.dataDirectory, 'quarantine');
  const exporter = new Exporter({ outbox, clients, quarantineDirectory, clock, log });
  const services: CheckServices = {
    clock,
    shared,
    egress: createEgressPolicy(configuration.egress),
    packetsPerSecondMax: configuration.packetsPerSecondMax,
    notice: (message, facts) => log.info(facts, message),
  };
  const assignments = configuration.plans.map((plan) =>
    assign(plan, { identity: configuration, types, services }),
  );
  await outbox.endAllBut(assignments.map(({ subject }) => subject));
  const gate = new Gate(passes, clock);
  const canaries = createCanaries(configuration.canaries, services);
  const network = resources.use(new OwnNetwork(canaries, { clock, log }));
  const common: FollowerOptions = {
    clock,
    gate,
    recorder: outbox,
    blockedMs: () => loop.blockedMs(),
    judge: (observation, startMs) => network.judge(observation, startMs),
  };
  const followers = assignments.map((assignment) => new Follower(assignment, common));
  return { ...options, outbox, loop, clients, exporter, followers };
}

async function openOutboxOf({ configuration, clock, log }: AgentOptions): Promise<Outbox> {
  const { dataDirectory, outbox } = configuration;
  try {
    return await openOutbox({ directory: join(dataDirectory, 'outbox'), ...outbox, clock, log });
  } catch (cause) {
    throw unusableFolder(dataDirectory, 'agent.data', cause);
  }
}
