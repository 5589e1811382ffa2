import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Clock } from '#lib/clock';
import type { ConsumerStatistics } from '#lib/queue';
import type { DeadLettersStatistics } from './forwarder/dead-letters.ts';
import type { ForwarderStatistics } from './forwarder/progress.ts';
import type { CollectorMetric, MetricFamily } from './metric.ts';
import type { Telemetry } from './receiver/telemetry.ts';

/** What is known of one sink's lane at one moment. */
export interface LaneStatistics {
  readonly sink: string;
  readonly queue: ConsumerStatistics;
  readonly forwarder: ForwarderStatistics;
  readonly deadLetters: DeadLettersStatistics;
}

/** What waits for each sink, and what became of it. */
export function laneFamilies(
  lanes: readonly LaneStatistics[],
  nowUnixMs: number,
): readonly MetricFamily[] {
  return laneMetrics.map((metric) => ({
    metric: { ...metric, labels: ['sink'] },
    samples: lanes.flatMap((lane) => {
      const value = metric.valueOf(lane, nowUnixMs);
      return value === undefined ? [] : { labels: { sink: lane.sink }, value };
    }),
  }));
}

interface LaneMetric extends Omit<CollectorMetric, 'labels'> {
  readonly valueOf: (lane: LaneStatistics, nowUnixMs: number) => number | undefined;
}

const laneMetrics: readonly LaneMetric[] = [
  {
    name: 'farpoint_queue_blocks',
    description: 'Accepted requests that wait for a sink.',
    kind: 'gauge',
    valueOf: ({ queue }) => queue.pendingBlocks,
  },
  {
    name: 'farpoint_queue_bytes',
    description: 'Bytes that wait for a sink.',
    kind: 'gauge',
    valueOf: ({ queue }) => queue.pendingBytes,
  },
  {
    name: 'farpoint_queue_age_seconds',
    description: 'How long the oldest of them has waited; 0 when nothing waits.',
    kind: 'gauge',
    valueOf: ({ queue: { oldestUnixMs = Infinity } }, nowUnixMs) =>
      Math.max(0, nowUnixMs - oldestUnixMs) / 1000,
  },
  {
    name: 'farpoint_queue_dropped_blocks_total',
    description: 'Accepted requests given up because too much waited for a sink.',
    kind: 'counter',
    valueOf: ({ queue }) => queue.droppedBlocks,
  },
  {
    name: 'farpoint_queue_dropped_bytes_total',
    description: 'Bytes given up because too much waited for a sink.',
    kind: 'counter',
    valueOf: ({ queue }) => queue.droppedBytes,
  },
  {
    name: 'farpoint_sink_delivered_points_total',
    description: 'Data points a sink has acknowledged.',
    kind: 'counter',
    valueOf: ({ forwarder }) => forwarder.delivered.points,
  },
  {
    name: 'farpoint_sink_delivered_logs_total',
    description: 'Log records a sink has acknowledged.',
    kind: 'counter',
    valueOf: ({ forwarder }) => forwarder.delivered.logs,
  },
  {
    name: 'farpoint_sink_dead_lettered_points_total',
    description: 'Data points a sink refuses for good; they are in the dead letters.',
    kind: 'counter',
    valueOf: ({ forwarder }) => forwarder.deadLettered.points,
  },
  {
    name: 'farpoint_sink_dead_lettered_logs_total',
    description: 'Log records a sink refuses for good; they are in the dead letters.',
    kind: 'counter',
    valueOf: ({ forwarder }) => forwarder.deadLettered.logs,
  },
  {
    name: 'farpoint_sink_repeated_points_total',
    description: 'Data points a sink refused that were sent to it before.',
    kind: 'counter',
    valueOf: ({ forwarder }) => forwarder.repeated.points,
  },
  {
    name: 'farpoint_sink_retries_total',
    description: 'Deliveries that failed and are tried again.',
    kind: 'counter',
    valueOf: ({ forwarder }) => forwarder.retries,
  },
  {
    name: 'farpoint_sink_rejections_total',
    description: 'Deliveries that a sink refused.',
    kind: 'counter',
    valueOf: ({ forwarder }) => forwarder.rejections,
  },
  {
    name: 'farpoint_sink_last_success_timestamp_seconds',
    description: 'When a sink last acknowledged a delivery.',
    kind: 'gauge',
    valueOf: ({ forwarder: { lastSuccessUnixMs } }) => inSeconds(lastSuccessUnixMs),
  },
  {
    name: 'farpoint_sink_failing_seconds',
    description: 'For how long every delivery to a sink has failed; 0 when the last one did not.',
    kind: 'gauge',
    valueOf: ({ forwarder: { failingSinceUnixMs = Infinity } }, nowUnixMs) =>
      Math.max(0, nowUnixMs - failingSinceUnixMs) / 1000,
  },
  {
    name: 'farpoint_dead_letters',
    description: 'Letters kept for a sink.',
    kind: 'gauge',
    valueOf: ({ deadLetters }) => deadLetters.letters,
  },
  {
    name: 'farpoint_dead_letters_bytes',
    description: 'Bytes of the letters kept for a sink.',
    kind: 'gauge',
    valueOf: ({ deadLetters }) => deadLetters.bytes,
  },
  {
    name: 'farpoint_dead_letters_dropped_total',
    description: 'Letters given up because there were too many.',
    kind: 'counter',
    valueOf: ({ deadLetters }) => deadLetters.droppedLetters,
  },
];

/**
 * What only the collector can say of each agent that has a key: an agent that is silent says nothing, and
 * what one with a wrong clock says of itself is dated so that nobody finds it.
 */
export function agentFamilies(
  agents: ReadonlySet<string>,
  telemetry: Pick<Telemetry, 'lastSeenUnixMs' | 'clockOffsetMs'>,
): readonly MetricFamily[] {
  const family = (
    metric: Pick<CollectorMetric, 'name' | 'description'>,
    valueOf: (agent: string) => number | undefined,
  ): MetricFamily => ({
    metric: { ...metric, kind: 'gauge', labels: ['agent'] },
    samples: [...agents].flatMap((agent) => {
      const value = valueOf(agent);
      return value === undefined ? [] : [{ labels: { agent }, value }];
    }),
  });
  return [
    family(
      {
        name: 'farpoint_agent_last_seen_timestamp_seconds',
        description: 'When an agent that has a key was last heard of; 0 if never.',
      },
      (agent) => inSeconds(telemetry.lastSeenUnixMs(agent)) ?? 0,
    ),
    family(
      {
        name: 'farpoint_agent_clock_offset_seconds',
        description:
          "By how much an agent's clock is ahead of this one, as its requests said last.",
      },
      (agent) => inSeconds(telemetry.clockOffsetMs(agent)),
    ),
  ];
}

const loopSampleMs = 10;

/** What the process says of itself. */
export class ProcessMetrics implements Disposable {
  readonly #version: string;
  readonly #loopDelay = monitorEventLoopDelay({ resolution: loopSampleMs });
  readonly #startedUnixMs: number;

  constructor(version: string, clock: Clock) {
    this.#version = version;
    this.#startedUnixMs = clock.unixMs();
    this.#loopDelay.enable();
  }

  [Symbol.dispose](): void {
    this.#loopDelay.disable();
  }

  /** Event-loop delays are those since this was asked last. */
  take(): readonly MetricFamily[] {
    const { user, system } = process.cpuUsage();
    const families: readonly MetricFamily[] = [
      {
        metric: {
          name: 'farpoint_build_info',
          kind: 'gauge',
          labels: ['version', 'node'],
          description: 'Version of the program and of Node.js; always 1.',
        },
        samples: [{ labels: { version: this.#version, node: process.version }, value: 1 }],
      },
      {
        metric: {
          name: 'farpoint_event_loop_delay_seconds',
          kind: 'gauge',
          labels: ['quantile'],
          description:
            'How late the event loop was since the last look: 99th percentile and worst.',
        },
        samples: [
          { labels: { quantile: '0.99' }, value: delaySeconds(this.#loopDelay.percentile(99)) },
          { labels: { quantile: '1' }, value: delaySeconds(this.#loopDelay.max) },
        ],
      },
      plain('process_cpu_seconds_total', 'Processor time, user and system.', (user + system) / 1e6),
      plain('process_resident_memory_bytes', 'Resident memory.', process.memoryUsage.rss()),
      plain('process_start_time_seconds', 'When the process started.', this.#startedUnixMs / 1000),
    ];
    this.#loopDelay.reset();
    return families;
  }
}

/** The monitor measures from one sample to the next, in nanoseconds. */
function delaySeconds(sampled: number): number {
  return Math.max(0, sampled / 1e9 - loopSampleMs / 1e3);
}

function plain(name: string, description: string, value: number): MetricFamily {
  const kind = name.endsWith('_total') ? 'counter' : 'gauge';
  return { metric: { name, kind, labels: [], description }, samples: [{ labels: {}, value }] };
}

function inSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}
