import { afterAll, beforeAll, expect, test } from 'vitest';
import { needs } from '../../support/needs.ts';
import * as scenario from '../../support/world/scenarios.ts';
import { intervalMs, regions, World } from '../../support/world/world.ts';

/** A minute of the rules is ten seconds. */
const haste = 6;

needs(
  'root',
  'iproute2',
  'nftables',
  'nginx',
  'victoria-metrics',
  'vmalert',
  'prometheus',
  'prometheus-alertmanager',
  'faketime',
)('a world of three regions', { timeout: 180_000 }, () => {
  let world: World;
  let askedUnixMs = Date.now();
  const shortMs = 3 * intervalMs;
  beforeAll(async () => {
    world = await World.start({ haste });
    await scenario.untilAllUp(world);
    await everybodyHears([]);
  }, 120_000);
  afterAll(() => world[Symbol.asyncDispose](), 60_000);

  /**
   * By Prometheus and by vmalert: exactly these alerts since this was last asked, fired and resolved, each
   * once; but where this machine was too busy to judge for so long that it ended, the alert may come again.
   */
  async function everybodyHears(alerts: readonly string[]): Promise<void> {
    const unjudged = await scenario.unjudged(world, askedUnixMs);
    askedUnixMs = Date.now();
    const mayComeAgain = (one: string): boolean => unjudged.some((what) => one.endsWith(what));
    const distinct = (news: readonly string[]): readonly string[] =>
      news.filter((one, index) => !(mayComeAgain(one) && one === news[index - 1]));
    const both = alerts.flatMap((alert) => [`firing ${alert}`, `resolved ${alert}`]).sort();
    const { prometheus, vmalert } = world.onCall;
    const heard = { prometheus: distinct(prometheus.news()), vmalert: distinct(vmalert.news()) };
    expect(heard).toEqual({ prometheus: both, vmalert: both });
  }

  function everybodyReads(alert: string, summary: RegExp): void {
    for (const { summaries } of Object.values(world.onCall)) {
      expect(summaries.get(`firing ${alert}`)).toMatch(summary);
    }
  }

  test('the service is down: down in every region, then and only then', async () => {
    const { during, around } = await scenario.serviceDown(world);
    expect(during).toEqual(Object.fromEntries(regions.map((region) => [region, ['down']])));
    expect(around).toEqual(allUp);
    await everybodyHears(world.targets.map((target) => `TargetDown ${target}`));
    everybodyReads(
      `TargetDown ${world.targets[0]}`,
      /\/a \(home\) is down in ap-south, eu-west, us-east: connect_refused; last up at 20\d\d-/,
    );
  });

  test('one region is cut off from the service: down there, up elsewhere', async () => {
    const { during, around } = await scenario.cutOffFromService(world, 'eu-west');
    expect(during).toEqual({ ...allUp, 'eu-west': ['down'] });
    expect(around).toEqual(allUp);
    await everybodyHears(world.targets.map((target) => `RegionalOutage ${target} eu-west`));
    everybodyReads(
      `RegionalOutage ${world.targets[0]} eu-west`,
      /\/a \(home\) is down in eu-west only: connect_timeout; last up at 20\d\d-/,
    );
  });

  test('an agent is cut off from the collector: its runs come later, and none is down', async () => {
    expect(await scenario.cutOffFromCollector(world, 'us-east', shortMs)).toEqual(allUp);
    await everybodyHears(['AgentSilent us-east']);
    everybodyReads('AgentSilent us-east', /^Agent us-east has not been heard of for \d+/);
  });

  test('the collector moves to another address', async () => {
    expect(await scenario.collectorMoves(world)).toEqual(allUp);
    await everybodyHears([]);
  });

  test('the backends are away', async () => {
    expect(await scenario.backendAway(world, shortMs)).toEqual(allUp);
    await everybodyHears([]);
  });

  test('every part is upgraded, one after the other', async () => {
    const { verdicts, exitCodes } = await scenario.rollingUpgrade(world);
    expect(verdicts).toEqual(allUp);
    expect(exitCodes).toEqual([0, 0, 0, 0]);
    await everybodyHears([]);
  });

  test('an agent is killed and started again', async () => {
    expect(await scenario.killedOften(world, 'eu-west', 5)).toEqual(allUp);
    await everybodyHears([]);
  });

  test.each([-10, 20])(
    "a region's clock is ahead by %d s: its runs are kept as it dated them",
    async (aheadSeconds) => {
      const { verdicts, aheadMs } = await scenario.clockSkew(world, 'us-east', {
        aheadSeconds,
        untilTold: false,
      });
      expect(verdicts).toEqual(allUp);
      expect(aheadMs / aheadSeconds).toBeGreaterThan(500);
      await everybodyHears([]);
    },
  );

  test('after all of it nothing is lost and nothing doubled', async () => {
    const { lost, doubled, runs } = await scenario.account(world);
    expect(runs).toBeGreaterThan(100);
    expect(lost).toEqual({});
    expect(doubled).toEqual([]);
    await everybodyHears([]);
  });
});

const allUp = Object.fromEntries(regions.map((region) => [region, ['up']]));
