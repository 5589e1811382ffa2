import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { TestReceiver } from '../support/collector/test-receiver.ts';

test('a sender that dribbles its headers is cut off', async () => {
  await using receiver = await TestReceiver.start();
  const socket = connect(Number(new URL(receiver.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.write('POST /v1/metrics HTTP/1.1\r\nX-Slow: ');
  const dribble = setInterval(() => socket.write('x'), 500);
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(dribble);
  expect((await receiver.post('{}')).status).toBe(200);
});
