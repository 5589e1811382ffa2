import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type DemoEvent, runDemo } from '#demo/demo';
import { acts } from '#demo/script';
import { eventually } from '../support/eventually.ts';
import { Farpoint } from '../support/farpoint.ts';

interface Line {
  readonly event: string;
  readonly region?: string;
  readonly verdict?: string;
  readonly errorType?: string | null;
  readonly message?: string | null;
  readonly act?: string;
  readonly configuration?: string;
  readonly seconds: number;
}

test(
  'plays the whole script: an outage with its reason in every region, and the end of it',
  { timeout: 120_000 },
  async () => {
    await using demo = Farpoint.start(['demo', '--for', '50s', '--json']);
    expect(await demo.exited()).toBe(0);
    const lines = demo.output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line);
    expect(lines.filter(({ event }) => event === 'act').map(({ act }) => act)).toEqual(
      acts.map(({ name }) => name),
    );
    const downFrom = secondsOf(lines, 'down');
    const backFrom = secondsOf(lines, 'back');
    for (const region of ['eu-west', 'us-east', 'ap-south']) {
      const seen = lines.filter((line) => line.event === 'verdict' && line.region === region);
      expect(seen.find(({ seconds }) => seconds < 8)?.verdict).toBe('up');
      const outage = seen.filter(
        ({ seconds, verdict }) => verdict === 'down' && seconds > downFrom && seconds < backFrom,
      );
      expect(outage.map(({ errorType }) => errorType)).toContain('connect_refused');
      expect(seen.findLast(({ verdict }) => verdict !== 'unknown')?.verdict).toBe('up');
    }
    const broken = lines.filter(({ errorType }) => errorType === 'http_status');
    expect(new Set(broken.map(({ region }) => region))).toEqual(new Set(['ap-south']));
    const unexplained = lines.filter(({ verdict, message }) => verdict === 'down' && !message);
    expect(unexplained).toEqual([]);
    const opened = lines.find(({ event }) => event === 'opened');
    expect(existsSync(String(opened?.configuration))).toBe(false);
  },
);

test.each(['SIGINT', 'SIGHUP'] as const)(
  '%s ends it cleanly',
  { timeout: 60_000 },
  async (signal) => {
    await using demo = Farpoint.start(['demo']);
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        if (!demo.output.includes('is up')) return;
        clearInterval(timer);
        resolve();
      }, 100);
    });
    const [, configuration = ''] = /configuration: (\S+)/.exec(demo.output) ?? [];
    expect(existsSync(configuration)).toBe(true);
    // npm passes on what the terminal has told everybody: one Ctrl-C arrives twice.
    const stopped = demo.stop(signal);
    await delay(50);
    void demo.stop(signal);
    expect(await stopped).toBe(0);
    expect(existsSync(configuration)).toBe(false);
  },
);

test('a second Ctrl-C ends what the first one waits for, too', { timeout: 60_000 }, async () => {
  await using demo = Farpoint.start(['demo']);
  const [agent = 0] = await eventually(
    'an agent',
    () => demo.output.includes('is up') && processesOf(demo.pid),
  );
  process.kill(agent, 'SIGSTOP');
  const stopped = demo.stop('SIGINT');
  await delay(1500);
  expect(demo.running).toBe(true);
  await demo.stop('SIGINT');
  expect(await stopped).toBe(128 + constants.signals.SIGINT);
  await eventually('the end of the agent', () => !existsSync(`/proc/${agent}`));
  const [, configuration = ''] = /configuration: (\S+)/.exec(demo.output) ?? [];
  expect(configuration).not.toBe('');
  expect(existsSync(dirname(configuration))).toBe(false);
});

test('what is killed starts again', { timeout: 60_000 }, async () => {
  await using demo = Farpoint.start(['demo', '--for', '8s', '--json']);
  const programs = await eventually('all programs', () => {
    const running = demo.output.includes('"opened"') ? processesOf(demo.pid) : [];
    return running.length === 4 && running;
  });
  for (const program of programs) process.kill(program, 'SIGKILL');
  expect(await demo.exited()).toBe(0);
  for (const name of ['collector', 'eu-west', 'us-east', 'ap-south'])
    expect(demo.output).toContain(`${name} was stopped; it starts again`);
  expect(demo.output).toMatch(/"event":"summary".*"verdict":"up"/);
});

test(
  'an edit no agent can start with ends it with what the agent said',
  { timeout: 60_000 },
  async () => {
    await using demo = Farpoint.start(['demo']);
    await eventually('a verdict', () => demo.output.includes('is up'));
    const [, configuration = ''] = /configuration: (\S+)/.exec(demo.output) ?? [];
    const edited = readFileSync(configuration, 'utf8').replace(
      '${env:FARPOINT_DATA}',
      '/dev/null/data',
    );
    writeFileSync(configuration, edited);
    expect(await demo.exited()).toBe(2);
    expect(demo.output).toMatch(
      /^farpoint: cannot go on: .* ended with exit code 2: .*\/dev\/null\/data/m,
    );
  },
);

/** What a process has started, and runs. */
function processesOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return children.split(' ').map(Number);
}

test('who stops it while it starts is told of no bug', async () => {
  const options = { node: process.execPath, program: 'bin/farpoint.js', forMs: Infinity };
  const events: string[] = [];
  const screen = { happened: ({ kind }: DemoEvent) => events.push(kind), show: () => undefined };
  expect(await runDemo(options, screen, AbortSignal.timeout(20))).toBeUndefined();
  expect(events).toEqual([]);
});

function secondsOf(lines: readonly Line[], act: string): number {
  return lines.find((line) => line.act === act)?.seconds ?? Number.NaN;
}
