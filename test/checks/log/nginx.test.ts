import { execFileSync } from 'node:child_process';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { log } from '#checks/log';
import { LogThread } from '#checks/log/thread';
import { services, valuesOf } from '#test/support/checks/run-check';
import { needs } from '#test/support/needs';
import { type RealServer, startNginx } from '#test/support/servers/real-servers';

const logFormat = `log_format timed '$remote_addr - $remote_user [$time_local] "$request" '
                 '$status $body_bytes_sent "$http_referer" "$http_user_agent" '
                 '$request_time $upstream_response_time $connection';`;

/** What logrotate is told in the field, in each of the ways that keep every line. */
const rotations = {
  'rename, compressed later': 'compress\ndelaycompress',
  'rename, compressed at once': 'compress',
  'rename, by date': 'dateext\ndateformat -%Y%m%d-%s',
};

/** One for all tests: see followed-log.ts. */
const thread = new LogThread();
/** No line of the load is longer. */
const lineBytesMax = 200;

needs('nginx', 'logrotate')('over a real nginx that is rotated under load', () => {
  it.each(Object.entries(rotations))(
    'every request is counted once: %s',
    async (_, directives) => {
      await using nginx = await startLoggingNginx();
      const counted = await countUnderLoad(nginx, directives);
      expect(counted.parsed).toBe(counted.requests);
      expect(counted.others).toBe(0);
      expect(counted.gaps).toBe(0);
    },
    120_000,
  );

  it.each(['copytruncate', 'copytruncate\ncompress'])(
    'no request is counted twice, and no more said to be lost than was: %j',
    async (directives) => {
      await using nginx = await startLoggingNginx();
      const { parsed, others, requests, lostBytes } = await countUnderLoad(nginx, directives);
      expect(parsed + others).toBeLessThanOrEqual(requests);
      expect(parsed).toBeGreaterThan(requests / 2);
      expect(lostBytes).toBeLessThanOrEqual((requests - parsed) * lineBytesMax);
    },
    120_000,
  );
});

function startLoggingNginx(): Promise<RealServer> {
  return startNginx(
    ({ port, directory }) => `
        ${logFormat}
        server {
          listen 127.0.0.1:${port};
          access_log ${directory}/access.log timed;
          location / { return 200 'fine'; }
          location /missing { return 404; }
          location /broken { return 503; }
          location /status { stub_status; }
        }`,
  );
}

interface Counted {
  /** What nginx itself says it has answered. */
  readonly requests: number;
  readonly parsed: number;
  readonly others: number;
  readonly gaps: number;
  readonly lostBytes: number;
}

async function countUnderLoad(nginx: RealServer, directives: string): Promise<Counted> {
  const path = join(nginx.directory, 'access.log');
  const check = await log.create(
    {
      name: 'access',
      target: path,
      timeoutMs: 30_000,
      settings: log.settings.parse({ start: 'beginning', format: { nginx: logFormat } }),
    },
    { ...services, shared: async () => thread as never },
  );
  const counted = { requests: 0, parsed: 0, others: 0, gaps: 0, lostBytes: 0 };
  let state: unknown;
  const run = async (): Promise<void> => {
    const observation = await check.run({
      signal: AbortSignal.timeout(30_000),
      state,
      waiting: () => undefined,
    });
    state = JSON.parse(JSON.stringify(observation.state));
    for (const [name, value] of Object.entries(valuesOf(observation))) {
      if (name === 'log.lines{outcome=parsed}') counted.parsed += Number(value);
      else if (name.startsWith('log.lines{')) counted.others += Number(value);
      else if (name.startsWith('log.gaps{')) counted.gaps += Number(value);
      else if (name === 'log.lost') counted.lostBytes += Number(value);
    }
  };
  // Names by date are of whole seconds.
  const pauseMs = directives.includes('dateext') ? 1100 : 300;
  const load = Promise.all(['/', '/missing', '/broken'].map((page) => request(nginx, page, 1000)));
  for (let rotation = 0; rotation < 5; rotation++) {
    await run();
    await delay(pauseMs);
    rotate(nginx, path, directives);
    if (rotation % 2 === 0) await run();
  }
  await load;
  await delay(pauseMs);
  rotate(nginx, path, directives);
  counted.requests = await answeredBy(nginx);
  // nginx writes the line of a request after its answer.
  for (let turn = 0; turn < 50 && counted.parsed < counted.requests; turn++) await run();
  await run();
  return counted;
}

async function request(nginx: RealServer, page: string, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) await (await fetch(nginx.url + page)).arrayBuffer();
}

/** What stub_status says: `accepts handled requests` and, in the next line, their numbers; this request counts too. */
async function answeredBy(nginx: RealServer): Promise<number> {
  const text = await (await fetch(`${nginx.url}/status`)).text();
  return Number(/requests\s+\d+ \d+ (\d+)/.exec(text)?.[1]);
}

function rotate(nginx: RealServer, path: string, directives: string): void {
  const configuration = join(nginx.directory, 'logrotate.conf');
  writeFileSync(
    configuration,
    `${path} {
      rotate 20
      create
      missingok
      ${directives}
      postrotate
        kill -USR1 ${nginx.pid}
      endscript
    }\n`,
  );
  chmodSync(configuration, 0o644);
  execFileSync('logrotate', ['-f', '-s', join(nginx.directory, 'logrotate.state'), configuration]);
}
