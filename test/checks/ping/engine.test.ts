import { afterAll, beforeAll, expect, test } from 'vitest';
import { IcmpEngine } from '#checks/ping/engine';
import { encodeAddress, ipOf } from '#checks/ping/engine/address';
import { Burst } from '#checks/ping/engine/burst';
import { EchoMessage } from '#checks/ping/engine/echo-message';
import { EchoSocket } from '#checks/ping/engine/echo-socket';
import { loadLibc } from '#checks/ping/engine/libc';
import { Receiver } from '#checks/ping/engine/receiver';
import type { EchoPlan, EchoReport } from '#checks/ping/pinger';
import { echoPlan } from '../../support/checks/echo-plan.ts';
import { services } from '../../support/checks/run-check.ts';
import { needs } from '../../support/needs.ts';
import { type Network, openNetwork } from '../../support/network/network.ts';

const { clock } = services;

needs(
  'root',
  'linux',
  'iproute2',
)('the engine over loopback', () => {
  let network: Network;
  let home: Disposable;

  beforeAll(() => {
    network = openNetwork();
    home = network.near.enter();
  });

  afterAll(() => {
    home[Symbol.dispose]();
    network[Symbol.dispose]();
  });

  test('keeps to its rate, whoever asks', async () => {
    using engine = open(200);
    const startMs = clock.monotonicMs();
    const reports = await Promise.all(
      Array.from({ length: 60 }, (_, index) => echo(engine, { address: `127.0.1.${index}` })),
    );
    const tookMs = clock.monotonicMs() - startMs;
    expect(reports.map(({ replies }) => replies.length)).toEqual(reports.map(() => 1));
    const atOnce = 200 / 20;
    expect(tookMs).toBeGreaterThanOrEqual(((60 - atOnce) / 200) * 1000 - 20);
  });

  test('a run that never had its turn has sent nothing', async () => {
    using engine = open(0.01);
    await echo(engine, {});
    const report = await echo(engine, {}, AbortSignal.timeout(50));
    expect(report).toMatchObject({ sent: 0, replies: [] });
  });

  test('a run that is cut short keeps what it has', async () => {
    using engine = open(1000);
    const report = await echo(engine, { count: 1000 }, AbortSignal.timeout(150));
    expect(report.sent).toBeGreaterThan(0);
    expect(report.sent).toBeLessThan(1000);
    expect(report.replies).toHaveLength(report.sent);
  });

  test('a run that is cut before it begins ends at once', async () => {
    using engine = open(1000);
    expect(await echo(engine, {}, AbortSignal.abort())).toMatchObject({ sent: 0 });
  });

  test('closing it ends what is under way', async () => {
    const engine = open(1000);
    const pending = echo(engine, { count: 1000 });
    setTimeout(() => engine[Symbol.dispose](), 50);
    expect((await pending).sent).toBeLessThan(1000);
  });

  test('replies that the kernel had no room for are known', () => {
    const libc = loadLibc();
    const options = {
      kind: 'raw',
      family: 4,
      source: undefined,
      hopLimit: undefined,
      dontFragment: false,
    } as const;
    const socket = EchoSocket.open(libc, options);
    const address = encodeAddress(libc, '127.0.0.1');
    if (!(socket instanceof EchoSocket) || address === undefined) throw new Error('no socket');
    const payload = new Uint8Array(56);
    const count = 30_000;
    const burst = new Burst(echoPlan({ count: count + 1 }), ipOf(address), payload);
    const message = new EchoMessage(libc, options, { address, payload });
    const receiver = new Receiver(libc, 0);
    socket.waiting.add(burst);
    const send = (): void => {
      expect(socket.send(burst, message, false)).toBe(0);
      burst.sent(0, 0);
    };
    for (let packet = 0; packet < count; packet++) send();
    for (let turn = 0; turn < 100; turn++) receiver.fetch(socket, 0);
    send();
    receiver.fetch(socket, 0);
    const report = burst.report(0, 0);
    expect(report.overflowed).toBe(true);
    expect(report.replies.length).toBeLessThan(count);
    socket[Symbol.dispose]();
  });
});

function open(packetsPerSecondMax: number): IcmpEngine {
  const libc = loadLibc();
  return new IcmpEngine({ libc, clock, kinds: { 4: 'raw' }, packetsPerSecondMax, slotMs: 10 });
}

async function echo(
  engine: IcmpEngine,
  plan: Partial<EchoPlan>,
  signal = AbortSignal.timeout(10_000),
): Promise<EchoReport> {
  const report = await engine.echo(echoPlan({ count: 1, ...plan }), signal);
  if ('unavailable' in report) throw new Error(report.unavailable);
  return report;
}
