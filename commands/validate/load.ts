import type { CheckType } from '#checks/check';
import { parseHostPort } from '#checks/net/host-port';
import { cronRunsPerDay } from '#lib/cron';
import type { Fleet, FleetCheck, Schedule } from '#lib/fleet';
import type { MetricDeclaration } from '#lib/observation';
import { resultMetrics } from '#lib/results/metrics';

const minutesPerDay = 1440;

/** What one place, a region or a pinned agent, has to do. */
export interface PlaceLoad {
  readonly place: string;
  readonly checks: number;
  readonly targets: number;
  readonly runsPerMinute: number;
}

export interface HostLoad {
  readonly host: string;
  readonly runsPerSecond: number;
  readonly checks: readonly string[];
}

/** In the fleet's order of regions; agents that checks are pinned to follow. */
export function loadByPlace({ regions, checks }: Fleet): readonly PlaceLoad[] {
  const pinned = new Set(checks.flatMap(({ agents }) => agents ?? []));
  const places = [...regions, ...[...pinned].map(pinnedPlace)];
  return places
    .map((place) => {
      const here = checks.filter((check) => placesOf(check).includes(place));
      return {
        place,
        checks: here.length,
        targets: sum(here.map(({ targets }) => targets.length)),
        runsPerMinute: sum(
          here.map((check) => check.targets.length * runsPerMinute(check.schedule)),
        ),
      };
    })
    .filter(({ place, checks }) => checks > 0 || regions.includes(place));
}

/** What every host that is named by a target sees from all places together, busiest first. */
export function loadByHost({ checks }: Fleet): readonly HostLoad[] {
  const visits = checks.flatMap((check) =>
    check.targets.flatMap((target) => {
      const host = hostOf(target);
      const perMinute = placesOf(check).length * runsPerMinute(check.schedule);
      return host === undefined ? [] : [{ host, check: check.name, perMinute }];
    }),
  );
  return [...Map.groupBy(visits, ({ host }) => host)]
    .map(([host, group]) => ({
      host,
      runsPerSecond: sum(group.map(({ perMinute }) => perMinute)) / 60,
      checks: [...new Set(group.map(({ check }) => check))],
    }))
    .toSorted((left, right) => right.runsPerSecond - left.runsPerSecond);
}

/**
 * About how many series the backend gets: each metric that a type declares once for every target and
 * place, times a guess of how many values its attributes take.
 */
export function estimateSeries({ checks }: Fleet, types: readonly CheckType[]): number {
  return sum(
    checks.map((check) => {
      const own = types.find(({ type }) => type === check.type)?.metrics ?? [];
      const perTarget = sum([...resultMetrics, ...own].map(seriesOf));
      return perTarget * check.targets.length * placesOf(check).length;
    }),
  );
}

/** The host a target names: of a URL, of `host:port`, or the target itself; undefined for a file. */
export function hostOf(target: string): string | undefined {
  if (target.startsWith('/')) return undefined;
  if (target.includes('://')) return URL.parse(target)?.hostname.replace(/^\[|\]$/g, '');
  return parseHostPort(target)?.host ?? target.toLowerCase();
}

function placesOf({ regions, agents }: FleetCheck): readonly string[] {
  return agents === undefined ? regions : agents.map(pinnedPlace);
}

function pinnedPlace(agent: string): string {
  return `agent ${agent}`;
}

function runsPerMinute(schedule: Schedule): number {
  if ('cron' in schedule) return cronRunsPerDay(schedule.cron) / minutesPerDay;
  return 60_000 / schedule.everyMs;
}

function seriesOf({ attributes = [], buckets }: MetricDeclaration): number {
  const combinations = attributes.reduce((count, name) => count * (valueCounts[name] ?? 3), 1);
  return combinations * (buckets === undefined ? 1 : buckets.length + 3);
}

/** How many values an attribute takes at a time; three where nothing better is known. */
const valueCounts: Readonly<Record<string, number>> = { verdict: 3, 'error.type': 1, phase: 5 };

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
