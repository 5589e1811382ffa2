import type { DatabaseSync, SQLOutputValue } from 'node:sqlite';
import type { Facts, Subject } from './run.ts';

/** What to look at; absent parts match everything. */
export interface Selection {
  readonly check?: string | undefined;
  readonly target?: string | undefined;
  readonly region?: string | undefined;
}

export interface RunsQuery extends Selection {
  /** From this time on, and before that one, in Unix milliseconds. */
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
  readonly limit: number;
}

export interface TargetsQuery extends Selection {
  readonly nowUnixMs: number;
  /** How far back uptime and coverage reach. */
  readonly windowMs: number;
  /** How many of the newest runs to show of each. */
  readonly runs: number;
  readonly limit: number;
}

export interface RunSummary {
  readonly unixMs: number;
  readonly verdict: string;
  readonly durationMs: number | null;
}

export interface Run extends RunSummary, Subject {
  readonly errorType: string | null;
  readonly message: string | null;
  readonly run: string | null;
  readonly facts: Facts;
}

/** One check on one target from one region, as it is now. */
export interface TargetState extends Subject {
  readonly labels: Readonly<Record<string, string>>;
  readonly unixMs: number;
  readonly verdict: string;
  readonly errorType: string | null;
  readonly message: string | null;
  readonly durationMs: number | null;
  /** When the verdict goes stale: later than that, nothing is known. */
  readonly validUntilUnixMs: number | null;
  /** Newest last. */
  readonly runs: readonly RunSummary[];
  /** Time up / (time up + time down); null when it was neither at any time. */
  readonly uptime: number | null;
  /** The part of the window, from the first run on, in which a verdict of up or down held. */
  readonly coverage: number | null;
}

/** A verdict without an end of its own holds this long at most. */
const validByDefaultMs = 300_000;

type Row = Record<string, SQLOutputValue>;

const selected = `($check IS NULL OR series.name = $check)
  AND ($target IS NULL OR series.target = $target)
  AND ($region IS NULL OR series.region = $region)`;

/** Runs in order of time; where there are more than `limit`, the newest ones. */
export function selectRuns(database: DatabaseSync, query: RunsQuery): readonly Run[] {
  const { fromUnixMs, toUnixMs, limit } = query;
  return database
    .prepare(
      `SELECT series.*, runs.* FROM series JOIN runs ON runs.series = series.id
       WHERE ${selected} AND runs.time >= $from AND runs.time < $to AND verdict IS NOT NULL
       ORDER BY runs.time DESC LIMIT $limit`,
    )
    .all({ ...parametersOf(query), $from: fromUnixMs, $to: toUnixMs, $limit: limit })
    .map(toRun)
    .reverse();
}

/** One entry for each check, target, region and agent that has runs. */
export function selectTargets(database: DatabaseSync, query: TargetsQuery): readonly TargetState[] {
  const newest = database.prepare(
    'SELECT * FROM runs WHERE series = ? AND verdict IS NOT NULL ORDER BY time DESC LIMIT ?',
  );
  const availabilityOf = prepareAvailability(database, query);
  return database
    .prepare(
      `SELECT * FROM series WHERE ${selected}
       ORDER BY service, name, target, region, agent LIMIT $limit`,
    )
    .all({ ...parametersOf(query), $limit: query.limit })
    .flatMap((series) => {
      const id = Number(series['id']);
      const rows = newest.all(id, Math.max(query.runs, 1));
      const [current] = rows;
      if (current === undefined) return [];
      return {
        ...toSubject(series),
        labels: JSON.parse(String(series['labels'])),
        ...toSummary(current),
        errorType: text(current['error_type']),
        message: text(current['message']),
        validUntilUnixMs: number(current['valid_until']),
        runs: rows.slice(0, query.runs).map(toSummary).reverse(),
        ...availabilityOf(id),
      };
    });
}

type Availability = Pick<TargetState, 'uptime' | 'coverage'>;
type RunRow = [unixMs: number, verdict: 'up' | 'down' | 'unknown', validUntil: number | null];

/**
 * A verdict holds from its run to the next one, and no longer than it is valid. Summed up here, since
 * SQLite's window functions take twice as long.
 */
function prepareAvailability(
  database: DatabaseSync,
  { nowUnixMs, windowMs }: TargetsQuery,
): (series: number) => Availability {
  const windowUnixMs = nowUnixMs - windowMs;
  const runs = database.prepare(
    `SELECT time, verdict, valid_until FROM runs
     WHERE series = $series AND verdict IS NOT NULL AND time < $now AND time >= coalesce(
       (SELECT max(time) FROM runs WHERE series = $series AND verdict IS NOT NULL AND time <= $from),
       $from
     ) ORDER BY time DESC`,
  );
  runs.setReturnArrays(true);
  return (series) => {
    const held = { up: 0, down: 0, unknown: 0 };
    let nextUnixMs = nowUnixMs;
    const rows = runs.all({ $series: series, $from: windowUnixMs, $now: nowUnixMs });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as arrays, the types do not know of it
    for (const [time, verdict, validUntil] of rows as unknown as RunRow[]) {
      const untilUnixMs = Math.min(nextUnixMs, validUntil ?? time + validByDefaultMs);
      held[verdict] += Math.max(untilUnixMs - Math.max(time, windowUnixMs), 0);
      nextUnixMs = time;
    }
    const judgedMs = held.up + held.down;
    const sinceMs = nowUnixMs - Math.max(nextUnixMs, windowUnixMs);
    return {
      uptime: judgedMs > 0 ? held.up / judgedMs : null,
      coverage: sinceMs > 0 ? judgedMs / sinceMs : null,
    };
  };
}

function parametersOf({ check, target, region }: Selection): Record<string, string | null> {
  return { $check: check ?? null, $target: target ?? null, $region: region ?? null };
}

function toRun(row: Row): Run {
  return {
    ...toSubject(row),
    ...toSummary(row),
    errorType: text(row['error_type']),
    message: text(row['message']),
    run: text(row['run']),
    facts: row['facts'] === null ? {} : JSON.parse(String(row['facts'])),
  };
}

function toSubject(row: Row): Subject {
  return {
    check: String(row['name']),
    type: String(row['type']),
    service: String(row['service']),
    target: String(row['target']),
    region: String(row['region']),
    agent: String(row['agent']),
  };
}

function toSummary(row: Row): RunSummary {
  return {
    unixMs: Number(row['time']),
    verdict: String(row['verdict']),
    durationMs: number(row['duration_ms']),
  };
}

function text(value: SQLOutputValue | undefined): string | null {
  return typeof value === 'string' ? value : null;
}

function number(value: SQLOutputValue | undefined): number | null {
  return typeof value === 'number' ? value : null;
}
