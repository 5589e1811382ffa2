/** What is going on at one instant, as far as an agent, the collector and the service are concerned. */
export interface Circumstances {
  /** Nothing comes from this agent. */
  readonly silent: boolean;
  /** Nothing comes from the collector either, and nothing gets through. */
  readonly collectorSilent: boolean;
  readonly verdict: 'up' | 'down' | 'unknown';
  /** Of a verdict that is not up. */
  readonly error: string;
  readonly durationSeconds: number;
  /** Days after the start of the incident. */
  readonly certificateDays: number;
  readonly skipsPerRun: number;
  /** Runs that were due while the agent was away, as it books them when it is back. */
  readonly stoppedRuns: number;
  readonly clockOffsetSeconds: number;
  readonly outboxAgeSeconds: number;
  readonly queueAgeSeconds: number;
  readonly rejectedPoints: number;
  readonly deadLetteredPoints: number;
  readonly droppedBlocks: number;
  readonly requestsPerRun: number;
  readonly errorsPerRun: number;
  readonly lostBytes: number;
  readonly value: number;
  /** Announced maintenance. */
  readonly maintenance: boolean;
  /** Of so many of the other targets the agent cannot tell whether they are up. */
  readonly othersUnknown: number;
  /** The target is no longer in the configuration. */
  readonly removed: boolean;
}

const healthy: Circumstances = {
  silent: false,
  collectorSilent: false,
  verdict: 'up',
  error: '',
  durationSeconds: 0.2,
  certificateDays: 90,
  skipsPerRun: 0,
  stoppedRuns: 0,
  clockOffsetSeconds: 0.01,
  outboxAgeSeconds: 0,
  queueAgeSeconds: 0,
  rejectedPoints: 0,
  deadLetteredPoints: 0,
  droppedBlocks: 0,
  requestsPerRun: 300,
  errorsPerRun: 0,
  lostBytes: 0,
  value: 5,
  maintenance: false,
  othersUnknown: 0,
  removed: false,
};

/** From one minute up to, not including, another things are different, in all or some regions. */
export interface Change {
  readonly from: number;
  readonly to?: number;
  readonly regions?: readonly string[];
  readonly set: Partial<Circumstances> | ((minute: number) => Partial<Circumstances>);
}

/** An alert that is to fire, from the minute in which it is first seen firing up to that in which it is not. */
export interface Firing {
  /** Less `Farpoint`. */
  readonly alert: string;
  readonly from: number;
  readonly to?: number;
  readonly labels: Readonly<Record<string, string>>;
  /** The summary at some minute; other instances of the same alert must then tell theirs too. */
  readonly says?: { readonly at: number; readonly text: string };
}

/** A recorded incident: what happened, and exactly which alerts are to tell it. */
export interface Incident {
  readonly title: string;
  readonly minutes: number;
  readonly regions?: readonly string[];
  /** How often the target is checked, in half minutes; its runs are valid for as much and 70 s more. */
  readonly everySteps?: number;
  /** How many more targets the agents look at, to which nothing happens. */
  readonly others?: number;
  /** Of the target; a log is on the first region's host only. */
  readonly type?: 'http' | 'log';
  readonly changes: readonly Change[];
  readonly firing: readonly Firing[];
  /** Minutes between two looks at what fires; 1 unless the incident is long. */
  readonly lookEvery?: number;
}

/** Labels of the target of every incident. */
export const target = {
  job: 'shop',
  instance: 'https://shop.example.org/',
  check: 'home',
  type: 'http',
};

/** Seconds between two samples of a series. */
const stepSeconds = 30;

export interface InputSeries {
  readonly series: string;
  readonly values: string;
}

/** Everything the backend holds of the incident. */
export function seriesOf(incident: Incident): readonly InputSeries[] {
  const { regions = ['eu-west', 'us-east', 'ap-south'], type = 'http' } = incident;
  const looking = type === 'log' ? regions.slice(0, 1) : regions;
  const timelines = new Map(regions.map((region) => [region, timeline(incident, region)]));
  const first = timelines.get(regions[0] ?? '') ?? [];
  return [
    ...looking.flatMap((region) => ofTarget(incident, region, timelines.get(region) ?? [])),
    ...regions.flatMap((region) => ofOthers(incident, region, timelines.get(region) ?? [])),
    ...regions.flatMap((region) => ofAgent(region, timelines.get(region) ?? [])),
    ...ofCollector(first),
  ];
}

function timeline({ minutes, changes }: Incident, region: string): readonly Circumstances[] {
  const steps = (minutes * 60) / stepSeconds + 1;
  return Array.from({ length: steps }, (_, step) => {
    const minute = (step * stepSeconds) / 60;
    return changes
      .filter(({ from, to = Infinity, regions }) => {
        return minute >= from && minute < to && (regions?.includes(region) ?? true);
      })
      .reduce<Circumstances>(
        (now, { set }) => ({ ...now, ...(typeof set === 'function' ? set(minute) : set) }),
        healthy,
      );
  });
}

/** A sample; `undefined`: none; `stale`: the series ends here. */
type Value = number | 'stale' | undefined;
type ValueOf = (now: Circumstances, step: number, sum: Totals) => Value;
type Totals = Readonly<Record<keyof Circumstances, number>>;

/** Targets to which nothing ever happens but what happens to their agents. */
function ofOthers(
  incident: Incident,
  region: string,
  timeline: readonly Circumstances[],
): readonly InputSeries[] {
  return Array.from({ length: incident.others ?? 0 }, (_, index) => {
    const calm = timeline.map(({ silent, othersUnknown }): Circumstances => {
      return { ...healthy, silent, verdict: index < othersUnknown ? 'unknown' : 'up' };
    });
    return ofTarget(incident, region, calm, { instance: `https://other-${index}.example.org/` });
  }).flat();
}

function ofTarget(
  { everySteps = 1, type = 'http' }: Incident,
  region: string,
  timeline: readonly Circumstances[],
  identity: object = {},
): readonly InputSeries[] {
  const labels = { ...target, type, region, agent: region, ...identity };
  const errors = [...new Set(timeline.map(({ error }) => error).filter(Boolean))];
  const everySeconds = everySteps * stepSeconds;
  const onRun =
    (valueOf: ValueOf): ValueOf =>
    (now, step, sum) => {
      if (now.silent || step % everySteps > 0) return undefined;
      return now.removed ? 'stale' : valueOf(now, step, sum);
    };
  const run = (name: string, valueOf: ValueOf, more = {}): InputSeries =>
    write(name, { ...labels, ...more }, timeline, onRun(valueOf));
  return [
    ...(['up', 'down', 'unknown'] as const).map((verdict) =>
      run('probe_verdict', (now) => Number(now.verdict === verdict), { verdict }),
    ),
    run('probe_success', ({ verdict }) =>
      verdict === 'unknown' ? 'stale' : Number(verdict === 'up'),
    ),
    ...errors.map((error) =>
      run('probe_error', (now) => (now.error === error ? 1 : 'stale'), { error_type: error }),
    ),
    run('probe_duration_seconds', ({ durationSeconds }) => durationSeconds),
    run(
      'probe_valid_until_timestamp_seconds',
      ({ clockOffsetSeconds }, step) =>
        step * stepSeconds + everySeconds + 70 + Math.round(clockOffsetSeconds),
    ),
    run('farpoint_runs_scheduled_total', (_, step, sum) => step + sum.stoppedRuns),
    run('farpoint_runs_completed_total', (_, step, sum) => step - sum.skipsPerRun),
    run('farpoint_runs_skipped_total', (_now, _step, sum) => sum.skipsPerRun, {
      reason: 'overloaded',
    }),
    run('farpoint_runs_skipped_total', (_now, _step, sum) => sum.stoppedRuns, {
      reason: 'agent_stopped',
    }),
    ...(type === 'log' ? logSeries(run) : httpSeries(run)),
  ];
}

type Run = (name: string, valueOf: ValueOf, more?: object) => InputSeries;

function httpSeries(run: Run): readonly InputSeries[] {
  const value = { name: 'waiting', unit: '{job}' };
  return [
    run('probe_ssl_earliest_cert_expiry', ({ certificateDays }) => certificateDays * 86_400),
    run('probe_value', ({ value }) => value, value),
    run('probe_value_bound', () => 10, { ...value, bound: 'max' }),
    run('probe_value_bound', () => 1, { ...value, bound: 'min' }),
    run('probe_maintenance', ({ maintenance }) => Number(maintenance)),
  ];
}

function logSeries(run: Run): readonly InputSeries[] {
  const request = { method: 'GET', route: '/' };
  return [
    run('log_requests_total', (_now, _step, sum) => sum.requestsPerRun - sum.errorsPerRun, {
      ...request,
      status_class: '2xx',
    }),
    run('log_requests_total', (_now, _step, sum) => sum.errorsPerRun, {
      ...request,
      status_class: '5xx',
    }),
    run('log_lost_bytes_total', (_now, _step, sum) => sum.lostBytes),
  ];
}

function ofAgent(region: string, timeline: readonly Circumstances[]): readonly InputSeries[] {
  const labels = { job: 'farpoint-agent', instance: region, region, agent: region };
  const say = (name: string, valueOf: ValueOf): InputSeries =>
    write(name, labels, timeline, (now, step, sum) =>
      now.silent ? undefined : valueOf(now, step, sum),
    );
  /** Told by the collector, which keeps what it heard last. */
  const heard = (name: string, valueOf: ValueOf): InputSeries => {
    let last: Value = 0;
    return write(name, { ...collectorLabels, agent: region }, timeline, (now, step, sum) => {
      if (!now.silent) last = valueOf(now, step, sum);
      return now.collectorSilent ? 'stale' : last;
    });
  };
  return [
    say('farpoint_agent_outbox_age_seconds', ({ outboxAgeSeconds }) => outboxAgeSeconds),
    heard('farpoint_agent_clock_offset_seconds', ({ clockOffsetSeconds }) => clockOffsetSeconds),
    heard('farpoint_agent_last_seen_timestamp_seconds', (_, step) => step * stepSeconds),
  ];
}

const collectorLabels = {
  job: 'farpoint-collector',
  instance: 'collector:4318',
  collector: 'main',
};

function ofCollector(timeline: readonly Circumstances[]): readonly InputSeries[] {
  const say = (name: string, labels: object, valueOf: ValueOf): InputSeries =>
    write(name, { ...collectorLabels, ...labels }, timeline, (now, step, sum) =>
      now.collectorSilent ? 'stale' : valueOf(now, step, sum),
    );
  const sink = { sink: 'metrics' };
  return [
    say('farpoint_build_info', { version: '1.0.0' }, () => 1),
    say('farpoint_queue_age_seconds', sink, ({ queueAgeSeconds }) => queueAgeSeconds),
    say('farpoint_queue_dropped_blocks_total', sink, (_now, _step, sum) => sum.droppedBlocks),
    say(
      'farpoint_sink_dead_lettered_points_total',
      sink,
      (_now, _step, sum) => sum.deadLetteredPoints,
    ),
    say(
      'farpoint_items_rejected_total',
      { signal: 'metrics', reason: 'identity' },
      (_now, _step, sum) => sum.rejectedPoints,
    ),
  ];
}

function write(
  name: string,
  labels: object,
  timeline: readonly Circumstances[],
  valueOf: ValueOf,
): InputSeries {
  const totals: Record<string, number> = {};
  const values = timeline.map((now, step) => {
    for (const [key, value] of Object.entries(now)) {
      if (typeof value === 'number') totals[key] = (totals[key] ?? 0) + value;
    }
    return valueOf(now, step, totals as unknown as Totals);
  });
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
  return { series: `${name}{${pairs.join(', ')}}`, values: notation(values) };
}

/** The notation of promtool: `1+2x3` stands for 1 3 5 7, `_x2` for two missing samples. */
function notation(values: readonly Value[]): string {
  const words: string[] = [];
  for (let start = 0; start < values.length;) {
    const first = values[start];
    let end = start + 1;
    if (typeof first === 'number') {
      const second = values[end];
      const delta = typeof second === 'number' ? rounded(second - first) : 0;
      while (end < values.length && values[end] === rounded(first + delta * (end - start)))
        end += 1;
      words.push(
        end - start === 1
          ? `${first}`
          : `${first}${delta < 0 ? '' : '+'}${delta}x${end - start - 1}`,
      );
    } else {
      while (end < values.length && values[end] === first) end += 1;
      words.push(
        ...(first === undefined
          ? [`_x${end - start}`]
          : Array.from({ length: end - start }, () => 'stale')),
      );
    }
    start = end;
  }
  return words.join(' ');
}

function rounded(value: number): number {
  return Number(value.toFixed(6));
}
