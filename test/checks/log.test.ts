import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Check } from '#checks/check';
import { log } from '#checks/log';
import { services, valuesOf } from '#test/support/run-check';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'farpoint-log-'));
  path = join(folder, 'access.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('log check', () => {
  it('counts requests, bytes and clients of an nginx log', async () => {
    writeFileSync(path, line({ client: '192.0.2.1', status: 200, sent: 100 }));
    const run = await follow({ start: 'beginning' });
    appendFileSync(path, line({ client: '2001:db8::1', status: 503, sent: 20 }) + 'no request\n');
    appendFileSync(path, line({ client: '192.0.2.1', request: 'POST /upload HTTP/1.1' }));
    const values = valuesOf(await run());
    expect(values).toMatchObject({
      'log.lines{outcome=parsed}': 3,
      'log.lines{outcome=unparsed}': 1,
      'log.requests{status_class=2xx,method=GET,route=other}': 1,
      'log.requests{status_class=5xx,method=GET,route=other}': 1,
      'log.requests{status_class=2xx,method=POST,route=other}': 1,
      'log.sent{status_class=2xx,method=GET,route=other}': 100,
      'log.clients': 2,
    });
  });

  it('starts at the end on the very first run, unless told otherwise', async () => {
    writeFileSync(path, line() + line());
    const run = await follow({});
    expect(valuesOf(await run())['log.lines{outcome=parsed}']).toBe(0);
    appendFileSync(path, line());
    expect(valuesOf(await run())['log.lines{outcome=parsed}']).toBe(1);
  });

  it('goes on where the last observation stopped, over a rename and a restart', async () => {
    writeFileSync(path, line());
    const run = await follow({ start: 'beginning' });
    expect(valuesOf(await run())['log.lines{outcome=parsed}']).toBe(1);
    appendFileSync(path, line() + line());
    renameSync(path, `${path}.1`);
    writeFileSync(path, line());
    appendFileSync(`${path}.1`, line());
    await run.restart();
    expect(valuesOf(await run())['log.lines{outcome=parsed}']).toBe(4);
    expect(valuesOf(await run())['log.lines{outcome=parsed}']).toBe(0);
  });

  it('reads the same again when the observation did not reach the disk', async () => {
    writeFileSync(path, line());
    const run = await follow({ start: 'beginning' });
    expect(valuesOf(await run.lost())['log.lines{outcome=parsed}']).toBe(1);
    expect(valuesOf(await run())['log.lines{outcome=parsed}']).toBe(1);
  });

  it('is down when the log is missing or full of errors', async () => {
    const run = await follow({
      start: 'beginning',
      expect: { errors: { max: 0.5 } },
    });
    expect((await run()).verdict).toMatchObject({ status: 'down', error: 'log_missing' });
    writeFileSync(path, line({ status: 500 }) + line({ status: 502 }) + line());
    expect((await run()).verdict).toEqual({
      status: 'down',
      error: 'log_threshold',
      message: 'errors: 2 of 3 requests answered 5xx (66.7 %), expected at most 50 %',
    });
  });

  it('is down when nothing was written for too long', async () => {
    writeFileSync(path, line({ time: new Date(Date.now() - 7_200_000) }));
    const run = await follow({ start: 'beginning', expect: { silence: '1h' } });
    expect((await run()).verdict).toEqual({
      status: 'down',
      error: 'log_silent',
      message: expect.stringMatching(
        /^no new line for 720\d s, expected one at least every 3600 s$/,
      ),
    });
    appendFileSync(path, line());
    expect((await run()).verdict).toEqual({ status: 'up' });
  });
});

/** A check that is run again and again, with the state that a disk would have kept. */
async function follow(settings: object) {
  const create = async (): Promise<Check> =>
    log.create(
      { name: 'access', target: path, settings: log.settings.parse(settings), timeoutMs: 5000 },
      services,
    );
  let check = await create();
  let state: unknown;
  const lost = async () =>
    check.run({ signal: AbortSignal.timeout(5000), state, waiting: () => undefined });
  const run = async () => {
    const observation = await lost();
    if (observation.state !== undefined) state = JSON.parse(JSON.stringify(observation.state));
    return observation;
  };
  const restart = async () => {
    await check[Symbol.asyncDispose]?.();
    check = await create();
  };
  return Object.assign(run, { lost, restart });
}

interface Line {
  readonly client?: string;
  readonly time?: Date;
  readonly request?: string;
  readonly status?: number;
  readonly sent?: number;
}

function line({
  client = '192.0.2.7',
  time = new Date(),
  request = 'GET / HTTP/1.1',
  status = 200,
  sent = 1,
}: Line = {}): string {
  const [, date = '', hours = ''] = /^(.*)T(.*)\.\d+Z$/.exec(time.toISOString()) ?? [];
  const [year, month, day] = date.split('-');
  const names = [
    'Jan',
    'Feb',
    'Mar',
    'Apr',
    'May',
    'Jun',
    'Jul',
    'Aug',
    'Sep',
    'Oct',
    'Nov',
    'Dec',
  ];
  const clf = `${day}/${names[Number(month) - 1]}/${year}:${hours} +0000`;
  return `${client} - - [${clf}] "${request}" ${status} ${sent} "-" "curl/8"\n`;
}
