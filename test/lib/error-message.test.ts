import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { messageOf } from '#lib/error-message';
import { freePort } from '../support/servers/real-servers.ts';

test('a connection that was refused at every address says so of each', async () => {
  const port = await freePort();
  const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
  const socket = connect({
    port,
    host: 'collector.test',
    lookup: (_host, _options, callback) => callback(null, addresses),
  });
  const [error] = await once(socket, 'error').catch((thrown: unknown) => [thrown]);
  expect(messageOf(error)).toBe(
    `connect ECONNREFUSED 127.0.0.1:${port}; connect ECONNREFUSED 127.0.0.2:${port}`,
  );
});

test.each([
  [new Error('the disk is full'), 'the disk is full'],
  [{ message: 'expected a number', position: 3 }, 'expected a number'],
  ['text', 'text'],
  [undefined, 'undefined'],
  [null, 'null'],
])('of %o the words are %j', (thrown, words) => {
  expect(messageOf(thrown)).toBe(words);
});
