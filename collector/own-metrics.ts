import { monitorEventLoopDelay } from 'node:perf_hooks';
import { type Clock } from '#lib/clock';
import { type ConsumerStatistics } from '#lib/queue/queue';
import { type DeadLettersStatistics } from './dead-letters.ts';
import { type ForwarderStatistics } from './forwarder-progress.ts';
import { type MetricFamily, type Sample } from './telemetry.ts';

/** What is known of one sink's lane at one moment. */
export interface LaneStatistics {
  readonly sink: string;
  readonly queue: ConsumerStatistics;
  readonly forwarder: ForwarderStatistics;
  readonly deadLetters: DeadLettersStatistics;
}

/** Metrics of what waits for each sink, and of what became of it. */
export function laneFamilies(
  lanes: readonly LaneStatistics[],
  nowUnixMs: number,
): readonly MetricFamily[] {
  return laneMetrics.map(({ valueOf, ...metric }) => ({
    ...metric,
    samples: lanes.flatMap((lane) => {
      const value = valueOf(lane, nowUnixMs);
      return value === undefined ? [] : { labels: { sink: lane.sink }, value };
    }),
  }));
}

interface LaneMetric extends Omit<MetricFamily, 'samples'> {
  readonly valueOf: (lane: LaneStatistics, nowUnixMs: number) => number | undefined;
}

const laneMetrics: readonly LaneMetric[] = [
  {
    name: 'farpoint_queue_blocks',
    help: 'Accepted requests that wait for a sink.',
    type: 'gauge',
    valueOf: ({ queue }) => queue.pendingBlocks,
  },
  {
    name: 'farpoint_queue_bytes',
    help: 'Bytes that wait for a sink.',
    type: 'gauge',
    valueOf: ({ queue }) => queue.pendingBytes,
  },
  {
    name: 'farpoint_queue_age_seconds',
    help: 'How long the oldest of them has waited; 0 when nothing waits.',
    type: 'gauge',
    valueOf: ({ queue: { oldestUnixMs = Infinity } }, nowUnixMs) =>
      Math.max(0, nowUnixMs - oldestUnixMs) / 1000,
  },
  {
    name: 'farpoint_queue_dropped_blocks_total',
    help: 'Accepted requests given up because too much waited for a sink.',
    type: 'counter',
    valueOf: ({ queue }) => queue.droppedBlocks,
  },
  {
    name: 'farpoint_queue_dropped_bytes_total',
    help: 'Bytes given up because too much waited for a sink.',
    type: 'counter',
    valueOf: ({ queue }) => queue.droppedBytes,
  },
  {
    name: 'farpoint_sink_delivered_points_total',
    help: 'Data points a sink has acknowledged.',
    type: 'counter',
    valueOf: ({ forwarder }) => forwarder.delivered.points,
  },
  {
    name: 'farpoint_sink_delivered_logs_total',
    help: 'Log records a sink has acknowledged.',
    type: 'counter',
    valueOf: ({ forwarder }) => forwarder.delivered.logs,
  },
  {
    name: 'farpoint_sink_dead_lettered_points_total',
    help: 'Data points a sink refuses for good; they are in the dead letters.',
    type: 'counter',
    valueOf: ({ forwarder }) => forwarder.deadLettered.points,
  },
  {
    name: 'farpoint_sink_dead_lettered_logs_total',
    help: 'Log records a sink refuses for good; they are in the dead letters.',
    type: 'counter',
    valueOf: ({ forwarder }) => forwarder.deadLettered.logs,
  },
  {
    name: 'farpoint_sink_repeated_points_total',
    help: 'Data points a sink refused that were sent to it before.',
    type: 'counter',
    valueOf: ({ forwarder }) => forwarder.repeated.points,
  },
  {
    name: 'farpoint_sink_retries_total',
    help: 'Deliveries that failed and are tried again.',
    type: 'counter',
    valueOf: ({ forwarder }) => forwarder.retries,
  },
  {
    name: 'farpoint_sink_rejections_total',
    help: 'Deliveries that a sink refused.',
    type: 'counter',
    valueOf: ({ forwarder }) => forwarder.rejections,
  },
  {
    name: 'farpoint_sink_last_success_timestamp_seconds',
    help: 'When a sink last acknowledged a delivery.',
    type: 'gauge',
    valueOf: ({ forwarder: { lastSuccessUnixMs } }) => inSeconds(lastSuccessUnixMs),
  },
  {
    name: 'farpoint_sink_failing_seconds',
    help: 'For how long every delivery to a sink has failed; 0 when the last one did not.',
    type: 'gauge',
    valueOf: ({ forwarder: { failingSinceUnixMs = Infinity } }, nowUnixMs) =>
      Math.max(0, nowUnixMs - failingSinceUnixMs) / 1000,
  },
  {
    name: 'farpoint_dead_letters',
    help: 'Letters kept for a sink.',
    type: 'gauge',
    valueOf: ({ deadLetters }) => deadLetters.letters,
  },
  {
    name: 'farpoint_dead_letters_bytes',
    help: 'Bytes of the letters kept for a sink.',
    type: 'gauge',
    valueOf: ({ deadLetters }) => deadLetters.bytes,
  },
  {
    name: 'farpoint_dead_letters_dropped_total',
    help: 'Letters given up because there were too many.',
    type: 'counter',
    valueOf: ({ deadLetters }) => deadLetters.droppedLetters,
  },
];

/** When each agent that has a key was last heard of. */
export function agentFamilies(
  agents: ReadonlySet<string>,
  lastSeenUnixMs: (agent: string) => number | undefined,
): readonly MetricFamily[] {
  const samples = [...agents].map((agent) => ({
    labels: { agent },
    value: inSeconds(lastSeenUnixMs(agent)) ?? 0,
  }));
  return [
    {
      name: 'farpoint_agent_last_seen_timestamp_seconds',
      help: 'When an agent that has a key was last heard of; 0 if never.',
      type: 'gauge',
      samples,
    },
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
      gauge('farpoint_build_info', 'Version of the program and of Node.js.', {
        labels: { version: this.#version, node: process.version },
        value: 1,
      }),
      gauge(
        'farpoint_event_loop_delay_seconds',
        'How late the event loop was since the last look: the 99th percentile, and the worst.',
        { labels: { quantile: '0.99' }, value: loopDelaySeconds(this.#loopDelay.percentile(99)) },
        { labels: { quantile: '1' }, value: loopDelaySeconds(this.#loopDelay.max) },
      ),
      {
        name: 'process_cpu_seconds_total',
        help: 'Processor time, user and system.',
        type: 'counter',
        samples: [{ labels: {}, value: (user + system) / 1e6 }],
      },
      gauge('process_resident_memory_bytes', 'Resident memory.', {
        labels: {},
        value: process.memoryUsage.rss(),
      }),
      gauge('process_start_time_seconds', 'When the process started.', {
        labels: {},
        value: this.#startedUnixMs / 1000,
      }),
    ];
    this.#loopDelay.reset();
    return families;
  }
}

/** The monitor measures from one sample to the next, in nanoseconds. */
function loopDelaySeconds(sampled: number): number {
  return Math.max(0, sampled / 1e9 - loopSampleMs / 1e3);
}

function gauge(name: string, help: string, ...samples: readonly Sample[]): MetricFamily {
  return { name, help, type: 'gauge', samples };
}

function inSeconds(unixMs: number | undefined): number | undefined {
  return unixMs === undefined ? undefined : unixMs / 1000;
}
