import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Farpoint } from '../support/farpoint.ts';
import { type Serving, serveHttp } from '../support/servers/serve.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

const folder = temporaryFolder();
let site: Serving;
let file: string;
beforeAll(async () => {
  site = await serveHttp((request, response) => {
    response.writeHead(request.url === '/broken' ? 503 : 200).end('fine');
  });
  file = join(folder.path, 'agent.yaml');
  writeFileSync(
    file,
    `
version: 1
agent: { region: eu-west, data: '${folder.path}/data' }
collector: { urls: ['http://127.0.0.1:1'], key: id.hush }
regions: [eu-west, us-east]
defaults: { every: 30s, timeout: 5s, service: shop }
checks:
  - { name: home, type: http, target: '${site.url}' }
  - { name: teapot, type: http, target: '${site.url}broken', expect: { status: [503] } }
  - { name: pages, type: http, targets: ['${site.url}one', '${site.url}broken'] }
  - { name: far, type: http, regions: [us-east], target: '${site.url}far' }
`,
  );
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

async function farpoint(
  ...args: readonly string[]
): Promise<{ code: number | null; output: string }> {
  await using program = Farpoint.start(args);
  const code = await program.exited();
  return { code, output: program.output };
}

describe('probe', () => {
  test('shows the verdict, the phases as bars behind each other, and the facts', async () => {
    const { code, output } = await farpoint('probe', 'http', site.url);
    expect(code).toBe(0);
    const [verdict, , ...rest] = output.split('\n');
    expect(verdict).toMatch(new RegExp(`^UP  http ${site.url}  [\\d.]+ [mµ]?s$`));
    const bars = rest.slice(0, rest.indexOf(''));
    expect(bars.map((line) => line.split(' ')[0])).toEqual([
      'resolve',
      'connect',
      'processing',
      'transfer',
    ]);
    const starts = bars.map((line) => line.search(/[█▏▎▍▌▋▊▉]/));
    expect(starts).toEqual(starts.toSorted((left, right) => left - right));
    expect(output).toMatch(/^address +127\.0\.0\.1$/m);
    expect(output).toMatch(/^probe\.http\.status\.code +200$/m);
    expect(output, 'no colours in a pipe').not.toContain('\u001b');
  });

  test('says why it is down, and exits 1', async () => {
    const { code, output } = await farpoint('probe', 'http', `${site.url}broken`);
    expect(code).toBe(1);
    expect(output).toMatch(/^DOWN {2}http .*\nhttp_status: .*503/);
  });

  test('tries settings that stand in no configuration', async () => {
    const tried = ['--header', 'X-Try: 1', '--expect-body', 'fine', '--expect-status', '2xx'];
    const good = await farpoint('probe', 'http', site.url, ...tried);
    expect(good.code).toBe(0);
    const bad = await farpoint('probe', 'http', site.url, '--expect-match', '^good$');
    expect(bad.code).toBe(1);
    expect(bad.output).toContain('body_mismatch: the body does not match ^good$');
    const more = ['--expect-not', 'fine', '--expect-version', '2', '--expect-throughput', '1MiB'];
    const worse = await farpoint('probe', 'http', site.url, '--compression', ...more);
    expect(worse.output).toMatch(/^http_version: .*; the body contains "fine"$/m);
    const wrong = await farpoint('probe', 'http', site.url, '--expect-match', '(');
    expect(wrong.code).toBe(2);
    expect(wrong.output).toMatch(/^ {2}expect\.body\.matches\[0\]: .*regular expression/im);
    const none = await farpoint('probe', 'http', site.url, '--redirects', 'many');
    expect(none.output).toMatch(/^ {2}redirects: expected a number, got what is none \(NaN\)$/m);
  });

  test('shows where redirects led, and how long each hop took', async () => {
    await using from = await serveHttp((_request, response) => {
      response.writeHead(302, { location: `${site.url}to?token=hush` }).end();
    });
    const { output } = await farpoint('probe', 'http', `${from.url}old`);
    expect(output).toContain(`redirect_0  302 from ${from.url}old\n`);
    expect(output).toMatch(/^answer .* from http:\/\/127\.0\.0\.1:\d+\/to$/m);
    expect(output).toMatch(/^probe\.http\.hop\.duration hop=1 phase=processing +[\d.]+ [mµ]s$/m);
    expect(output).not.toContain('hush');
  });

  test('prints an object for programs', async () => {
    const { code, output } = await farpoint('probe', 'http', `${site.url}broken`, '--json');
    expect(code).toBe(1);
    expect(output).toMatch(/"durationMs": \d+(\.\d{1,3})?,/);
    expect(JSON.parse(output)).toMatchObject({
      type: 'http',
      target: `${site.url}broken`,
      verdict: 'down',
      error: 'http_status',
      message: expect.stringContaining('503') as string,
      durationMs: expect.any(Number) as number,
      measurements: expect.arrayContaining([
        { name: 'probe.http.status.code', unit: '', attributes: {}, value: 503 },
      ]) as unknown[],
    });
  });

  test('replays a configured check, on its own target or another', async () => {
    const own = await farpoint('probe', 'http', '--as', 'teapot', '-c', file);
    expect(own.code, own.output).toBe(0);
    const other = await farpoint('probe', 'http', site.url, '--as', 'teapot', '-c', file);
    expect(other.code, other.output).toBe(1);
  });

  test.each([
    [['probe', 'htp', 'x'], 'there is no type of check htp (did you mean http?)'],
    [['probe', 'http'], 'name a target'],
    [['probe', 'http', 'nonsense'], 'nonsense: expected a URL'],
    [['probe', 'http', 'http://127.0.0.1/', '--timeout', '5'], '--timeout 5: expected a duration'],
    [['probe', 'ping', '--as', 'home', '-c', 'FILE'], 'home is of type http, not ping'],
    [['probe', 'http', '--as', 'hoem', '-c', 'FILE'], 'runs no check hoem (did you mean home?)'],
    [['probe', 'http', '--as', 'pages', '-c', 'FILE'], 'pages has 2 targets: name the one'],
    [['run', 'hoem', '-c', 'FILE'], 'runs no check hoem (did you mean home?)'],
    [['run', '-c', '/nowhere.yaml'], '/nowhere.yaml'],
  ])('%j is refused: %s', async (args, message) => {
    const { code, output } = await farpoint(...args.map((word) => (word === 'FILE' ? file : word)));
    expect(code).toBe(2);
    expect(output).toContain(message);
    expect(output).not.toContain('bug');
  });
});

describe('run', () => {
  test('needs nothing of the collector, whose key is where the agent is', async () => {
    const remote = join(folder.path, 'remote.yaml');
    const text = readFileSync(file, 'utf8').replace('key: id.hush', "key: '${file:/nowhere/key}'");
    writeFileSync(remote, text);
    const ran = await farpoint('run', 'home', '-c', remote);
    expect(ran.code, ran.output).toBe(0);
    const probed = await farpoint('probe', 'http', '--as', 'home', '-c', remote);
    expect(probed.code, probed.output).toBe(0);
    const agent = await farpoint('agent', '-c', remote);
    expect(agent.code).toBe(2);
    expect(agent.output).toContain('collector.key: cannot read file /nowhere/key');
  });

  test('runs the checks of this region once, and tells each', async () => {
    const { code, output } = await farpoint('run', '-c', file);
    expect(code).toBe(1);
    const rows = output.trimEnd().split('\n');
    expect(rows.map((row) => row.split(/\s+/).slice(0, 3))).toEqual([
      ['UP', 'home', site.url],
      ['UP', 'teapot', `${site.url}broken`],
      ['UP', 'pages', `${site.url}one`],
      ['DOWN', 'pages', `${site.url}broken`],
    ]);
    expect(rows[3]).toContain('http_status: ');
  });

  test('runs only those that are named; all up exits 0', async () => {
    const { code, output } = await farpoint('run', 'home', 'teapot', '-c', file, '--json');
    expect(code).toBe(0);
    const findings = JSON.parse(output) as { check: string; verdict: string }[];
    expect(findings.map(({ check, verdict }) => [check, verdict])).toEqual([
      ['home', 'up'],
      ['teapot', 'up'],
    ]);
  });

  test('stopped, says what it did not get to', async () => {
    const asked = Promise.withResolvers<void>();
    await using silent = await serveHttp(() => asked.resolve());
    const slow = join(folder.path, 'slow.yaml');
    writeFileSync(
      slow,
      `
version: 1
agent: { region: eu-west, data: '${folder.path}/data' }
collector: { urls: ['http://127.0.0.1:1'] }
regions: [eu-west]
defaults: { every: 30s, timeout: 20s, service: shop }
checks: [{ name: home, type: http, target: '${silent.url}' }]
`,
    );
    await using program = Farpoint.start(['run', '-c', slow]);
    await asked.promise;
    expect(await program.stop('SIGINT')).toBe(3);
    expect(program.output).toContain('stopped; 1 not run');
  });
});
