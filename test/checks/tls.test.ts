import { createServer } from 'node:tls';
import { expect, test } from 'vitest';
import { tls } from '#checks/tls';
import { formatObservations } from '../support/checks/formatted-observation.ts';
import { runCheck } from '../support/checks/run-check.ts';
import { certify } from '../support/servers/certificates.ts';
import { serve, type Serving } from '../support/servers/serve.ts';

const root = certify({ name: 'Test root', authority: true });
const hosts = ['localhost', '127.0.0.1'];
const trust = { ca: root.certificate };

test('golden: a good certificate, one that has expired, one for another host', async () => {
  await using good = await present(certify({ name: 'good', hosts, issuer: root }));
  await using old = await present(
    certify({ name: 'old', hosts, issuer: root, from: -30, until: -2 }),
  );
  await using other = await present(
    certify({ name: 'other', hosts: ['elsewhere.test'], issuer: root }),
  );
  const look = (serving: Serving): ReturnType<typeof runCheck> =>
    runCheck(tls, `127.0.0.1:${serving.port}`, { tls: trust });
  await expect(
    formatObservations({
      up: await look(good),
      expired: await look(old),
      'for another host': await look(other),
    }),
  ).toMatchFileSnapshot('../golden/tls.txt');
});

test('the name to expect can be another than the host', async () => {
  const other = certify({ name: 'other', hosts: ['elsewhere.test'], issuer: root });
  await using server = await present(other);
  const { verdict } = await runCheck(tls, `127.0.0.1:${server.port}`, {
    tls: { ...trust, name: 'elsewhere.test' },
  });
  expect(verdict).toEqual({ status: 'up' });
});

function present({ certificate, key }: ReturnType<typeof certify>): Promise<Serving> {
  const server = createServer({ cert: certificate, key }, (socket) => {
    socket.on('error', () => undefined);
  });
  return serve(server);
}
