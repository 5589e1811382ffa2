import { createServer as createHttpServer } from 'node:http';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { http } from '#checks/http';
import type { Clock } from '#lib/clock';
import type { Observation } from '#lib/observation';
import { runCheck, services } from '../../support/checks/run-check.ts';
import { certify } from '../../support/servers/certificates.ts';
import { address, serveDns } from '../../support/servers/dns-server.ts';
import { serve, type Serving } from '../../support/servers/serve.ts';

/** Where a delay is put, and the phase it must show up in. */
const places = ['resolve', 'connect', 'tls', 'processing', 'transfer'] as const;
type Delays = Readonly<Record<(typeof places)[number], number>>;

/** How late a machine may be, at the start of a phase or at its end. */
const toleranceMs = 300;
/** A loaded machine may be later than that by chance, but not for the same delays again and again. */
const attemptsMax = 4;

const root = certify({ name: 'Test root', authority: true });
const identity = certify({ name: 'service', hosts: ['service.test'], issuer: root });

test('phases sum to the total, and a delay shows up in its own phase and in no other', async () => {
  const delayMs = fc.constantFrom(0, 650);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        resolve: delayMs,
        connect: delayMs,
        tls: delayMs,
        processing: delayMs,
        transfer: delayMs,
      }),
      async (delays) => {
        let misplaced: string[] = [];
        for (let attempt = 1; attempt <= attemptsMax; attempt++) {
          const observation = await observeDelayed(delays);
          expect(observation.verdict).toEqual({ status: 'up' });
          const phases = phasesOf(observation);
          const sum = Object.values(phases).reduce((total, ms) => total + ms, 0);
          expect(sum).toBeCloseTo(observation.durationMs ?? 0, 6);
          misplaced = misplacedDelays(phases, delays);
          if (misplaced.length === 0) break;
        }
        expect(misplaced).toEqual([]);
      },
    ),
    { numRuns: 5, seed: 7 },
  );
}, 120_000);

test('a step of the wall clock in mid-run changes no duration', async () => {
  let stepMs = 0;
  const clock: Clock = { ...services.clock, unixMs: () => Date.now() + stepMs };
  const server = createServer((socket) => {
    socket.once('data', () => {
      stepMs = -3_600_000;
      setTimeout(() => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine'), 30);
    });
  });
  await using serving = await serve(server);
  const observation = await runCheck(http, serving.url, {}, { services: { ...services, clock } });
  expect(stepMs).toBe(-3_600_000);
  expect(phasesOf(observation)['processing']).toBeGreaterThan(28);
  expect(observation.durationMs).toBeLessThan(60_000);
});

test('a run cut off at its deadline tells how long it was in which phase', async () => {
  await using serving = await serve(createServer(() => undefined));
  const observation = await runCheck(http, serving.url, {}, { timeoutMs: 2500 });
  expect(observation.verdict).toMatchObject({ error: 'header_timeout' });
  const phases = phasesOf(observation);
  expect(Object.keys(phases)).toEqual(['resolve', 'connect', 'processing']);
  expect(phases['processing']).toBeGreaterThan(1000);
});

async function observeDelayed(delays: Delays): Promise<Observation> {
  await using names = await serveDns(() => ({ records: [address('127.0.0.1')] }), {
    delayMs: delays.resolve,
  });
  const server = createTlsServer(
    {
      cert: identity.certificate,
      key: identity.key,
      SNICallback: (_name, done) => void setTimeout(done, delays.tls, null),
    },
    (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        void delay(delays.processing).then(() => {
          socket.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf');
          return delay(delays.transfer).then(() => socket.end('half'));
        });
      });
    },
  );
  await using serving = await serve(server);
  await using proxy =
    delays.connect > 0 ? await serveProxy(serving.port, delays.connect) : undefined;
  return await runCheck(http, `https://service.test:${serving.port}/`, {
    resolvers: [names.address],
    ip: 4,
    tls: { ca: root.certificate },
    ...(proxy && { proxy: `http://proxy.test:${proxy.port}` }),
  });
}

/** Connects through, late: on loopback nothing else makes a connection take its time. */
function serveProxy(port: number, delayMs: number): Promise<Serving> {
  const server = createHttpServer();
  server.on('connect', (_request, client) => {
    setTimeout(() => {
      const service = connect(port, '127.0.0.1');
      client.write('HTTP/1.1 200 OK\r\n\r\n');
      client.on('error', () => undefined).pipe(service);
      service.on('error', () => undefined).pipe(client);
    }, delayMs);
  });
  return serve(server);
}

function misplacedDelays(
  phases: Readonly<Record<string, number>>,
  delays: Readonly<Record<string, number>>,
): string[] {
  return Object.entries(delays)
    .filter(
      ([phase, delayMs]) => !(Math.abs((phases[phase] ?? Number.NaN) - delayMs) < toleranceMs),
    )
    .map(([phase, delayMs]) => `${phase} took ${phases[phase]} ms with a delay of ${delayMs} ms`);
}

/** Milliseconds by phase. */
function phasesOf({ measurements }: Observation): Record<string, number> {
  return Object.fromEntries(
    measurements
      .filter(({ metric }) => metric.name === 'probe.http.duration')
      .map(({ attributes, value }) => [attributes?.['phase'] ?? '', Number(value) * 1000]),
  );
}
