import { afterAll, beforeAll, expect, test } from 'vitest';
import { needs } from '../../support/needs.ts';
import { intervalMs, regions, World } from '../../support/world.ts';
import * as scenario from '../../support/world-scenarios.ts';

needs(
  'root',
  'iproute2',
  'nftables',
  'nginx',
  'victoria-metrics',
  'faketime',
)('a world of three regions', { timeout: 120_000 }, () => {
  let world: World;
  const shortMs = 3 * intervalMs;
  beforeAll(async () => {
    world = await World.start();
    await scenario.untilAllUp(world);
  }, 120_000);
  afterAll(() => world[Symbol.asyncDispose](), 60_000);

  test('the service is down: down in every region, then and only then', async () => {
    const { during, around } = await scenario.serviceDown(world, shortMs);
    expect(Object.keys(during).sort()).toEqual([...regions].sort());
    for (const verdicts of Object.values(during)) expect(verdicts).toEqual(['down']);
    expect(around).toEqual(allUp);
  });

  test('one region is cut off from the service: down there, up elsewhere', async () => {
    const { during, around } = await scenario.cutOffFromService(world, 'eu-west', shortMs);
    expect(during).toEqual({ ...allUp, 'eu-west': ['down'] });
    expect(around).toEqual(allUp);
  });

  test('an agent is cut off from the collector: its runs come later, and none is down', async () => {
    expect(await scenario.cutOffFromCollector(world, 'us-east', shortMs)).toEqual(allUp);
  });

  test('the collector moves to another address', async () => {
    expect(await scenario.collectorMoves(world)).toEqual(allUp);
  });

  test('the backend is away', async () => {
    expect(await scenario.backendAway(world, shortMs)).toEqual(allUp);
  });

  test('every part is upgraded, one after the other', async () => {
    const { verdicts, exitCodes } = await scenario.rollingUpgrade(world);
    expect(verdicts).toEqual(allUp);
    expect(exitCodes).toEqual([0, 0, 0, 0]);
  });

  test('an agent is killed and started again', async () => {
    expect(await scenario.killedOften(world, 'eu-west', 5)).toEqual(allUp);
  });

  test("a region's clock is ahead: its runs are kept as it dated them", async () => {
    const { verdicts, aheadMs } = await scenario.clockSkew(world, 'us-east', 20);
    expect(verdicts).toEqual(allUp);
    expect(aheadMs).toBeGreaterThan(10_000);
  });

  test('after all of it nothing is lost and nothing doubled', async () => {
    const { lost, doubled, runs } = await scenario.account(world);
    expect(runs).toBeGreaterThan(100);
    expect(lost).toEqual({});
    expect(doubled).toEqual([]);
  });
});

const allUp = Object.fromEntries(regions.map((region) => [region, ['up']]));
