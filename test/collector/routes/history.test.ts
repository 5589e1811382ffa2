import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fastify } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Permission } from '#collector/keys';
import { addHistoryRoutes, type HistoryReader } from '#collector/routes/history';
import type { Run } from '../../../collector/sinks/history/queries.ts';
import { StandingClock } from '../../support/clocks/quick-clock.ts';
import { batchOf, openHistory, runAt } from '../../support/collector/history.ts';
import { LogLines } from '../../support/log-lines.ts';

const now = Date.now();

let served: Awaited<ReturnType<typeof serveHistory>>;
beforeAll(async () => {
  served = await serveHistory();
});
afterAll(() => served[Symbol.asyncDispose]());

describe('GET /api/v1/targets', () => {
  test('tells how each target is', async () => {
    const { status, body } = await served.get('/api/v1/targets?window=1m&runs=2');
    expect(status).toBe(200);
    expect(body).toMatchObject({ windowMs: 60_000, truncated: false });
    expect(body['targets']).toEqual([
      {
        check: 'home',
        type: 'http',
        service: 'clowder',
        target: 'https://clowder.example.org/',
        region: 'eu-west',
        agent: 'eu-west-1',
        labels: { environment: 'test', team: 'web' },
        unixMs: now - 10_000,
        verdict: 'down',
        durationMs: 125,
        errorType: 'http_status',
        message: '502 Bad Gateway',
        validUntilUnixMs: now + 5_000,
        uptime: expect.closeTo(2 / 3, 2),
        coverage: expect.closeTo(1, 2),
        runs: [
          { unixMs: now - 20_000, verdict: 'up', durationMs: 125 },
          { unixMs: now - 10_000, verdict: 'down', durationMs: 125 },
        ],
      },
    ]);
  });

  test.each([
    ['/api/v1/targets?region=us-east', 0],
    ['/api/v1/targets?region=eu-west&check=home', 1],
    ['/api/v1/targets?target=https%3A%2F%2Fclowder.example.org%2F', 1],
  ])('%s selects %i', async (path, count) => {
    expect((await served.get(path)).body['targets']).toHaveLength(count);
  });
});

describe('GET /api/v1/runs', () => {
  test('tells of single runs, and whether there are more', async () => {
    const since = new Date(now - 25_000).toISOString();
    const { body } = await served.get(`/api/v1/runs?check=home&from=${since}&to=${now}&limit=1`);
    expect(body).toMatchObject({
      truncated: true,
      runs: [
        {
          unixMs: now - 10_000,
          verdict: 'down',
          errorType: 'http_status',
          run: `run-${now - 10_000}`,
          facts: { address: '192.0.2.7', attempts: 1 },
        },
      ],
    });
    const all = await served.get(`/api/v1/runs?from=${now - 25_000}`);
    expect(all.body).toMatchObject({ truncated: false });
    expect(all.body['runs']).toHaveLength(2);
  });
});

describe('what is asked wrongly', () => {
  test.each([
    ['/api/v1/targets?runs=many', 'runs: expected a number, got text'],
    ['/api/v1/targets?window=1y', 'window: expected at most 31d'],
    ['/api/v1/targets?chek=home&limit=0', 'limit: expected at least 1; chek: unknown key (did'],
    ['/api/v1/runs?from=yesterday', 'from: expected Unix milliseconds, or a time such as'],
    ['/api/v1/runs?limit=1000000', 'limit: expected at most 10000'],
    ['/api/v1/runs?from=2&to=1', 'from: expected a time before to'],
  ])('%s is answered with 400 and what is wrong', async (path, message) => {
    const { status, body } = await served.get(path);
    expect(status).toBe(400);
    expect(body['message']).toContain(message);
  });

  test('without a key nothing is told', async () => {
    for (const path of ['/api/v1/targets', '/api/v1/runs']) {
      const answer = await fetch(`${served.url}${path}`);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      expect(await answer.json()).toEqual({ message: 'a valid key is needed' });
    }
  });

  test('a key that may not read is told so', async () => {
    const headers = { authorization: 'Bearer agent' };
    const answer = await fetch(`${served.url}/api/v1/targets`, { headers });
    expect(answer.status).toBe(403);
    expect(await answer.text()).toContain('it needs the scope read');
  });

  test('a history that cannot be read is trouble of ours', async () => {
    const broken = {
      selectRuns: (): Promise<readonly Run[]> => Promise.reject(new Error('disk')),
      selectTargets: () => Promise.reject(new Error('disk')),
    };
    const lines = new LogLines();
    await using failing = await serve(broken, lines);
    expect((await failing.get('/api/v1/targets')).status).toBe(503);
    expect((await failing.get('/api/v1/runs')).status).toBe(503);
    expect(lines.lines).toMatchObject([{ level: 'error', error: { message: 'disk' } }]);
    broken.selectRuns = () => Promise.resolve([]);
    expect((await failing.get('/api/v1/runs')).status).toBe(200);
    expect(lines.messages('info')).toEqual(['the history can be read again']);
  });
});

test('docs/history-api.md shows every field there is', async () => {
  const document = await readFile(
    join(import.meta.dirname, '../../../docs/history-api.md'),
    'utf8',
  );
  const [targets = '', runs = ''] = document
    .matchAll(/```json\n(.*?)```/gs)
    .map(([, json]) => json);
  const first = async (path: string, key: string): Promise<object> =>
    ((await served.get(path)).body[key] as object[])[0] ?? {};
  expect(Object.keys(JSON.parse(targets).targets[0]).sort()).toEqual(
    Object.keys(await first('/api/v1/targets', 'targets')).sort(),
  );
  expect(Object.keys(JSON.parse(runs).runs[0]).sort()).toEqual(
    Object.keys(await first('/api/v1/runs', 'runs')).sort(),
  );
});

/** Three runs of one target: up for 20 s, then down for 10. */
async function serveHistory() {
  const dataDirectory = await mkdtemp(join(tmpdir(), 'farpoint-history-'));
  const history = await openHistory(dataDirectory);
  const down = { status: 'down', error: 'http_status', message: '502 Bad Gateway' } as const;
  await history.deliver(
    batchOf([
      runAt(now - 30_000, { status: 'up' }),
      runAt(now - 20_000, { status: 'up' }),
      runAt(now - 10_000, down),
    ]),
  );
  const app = await serve(history);
  return {
    ...app,
    [Symbol.asyncDispose]: async () => {
      await app[Symbol.asyncDispose]();
      await history[Symbol.asyncDispose]();
      await rm(dataDirectory, { recursive: true });
    },
  };
}

const permissions: Readonly<Record<string, Permission>> = {
  'Bearer right': 'given',
  'Bearer agent': 'missing',
};

async function serve(history: HistoryReader, { log }: LogLines = new LogLines()) {
  const app = fastify();
  const mayRead = (header: string | undefined): Permission => permissions[header ?? ''] ?? 'nobody';
  addHistoryRoutes(app, { history, mayRead, clock: new StandingClock(now), log });
  const url = await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    url,
    get: async (path: string) => {
      const answer = await fetch(`${url}${path}`, { headers: { authorization: 'Bearer right' } });
      return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}
