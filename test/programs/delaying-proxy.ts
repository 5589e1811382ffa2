/**
 * `node test/programs/delaying-proxy.ts HOST PORT TARGET_PORT DELAY_MS`: passes TCP on to the port on
 * loopback, every piece late by the delay; a distance for networks that have none.
 */
import { connect, createServer, type Socket } from 'node:net';

const [host = '', port = '', targetPort = '', delay = ''] = process.argv.slice(2);
const delayMs = Number(delay);

createServer((near) => {
  const far = connect(Number(targetPort), '127.0.0.1');
  pass(near, far);
  pass(far, near);
}).listen(Number(port), host);

function pass(from: Socket, to: Socket): void {
  const later = (act: () => void): void => void setTimeout(act, delayMs);
  from.on('data', (chunk) => later(() => to.write(chunk)));
  from.on('end', () => later(() => to.end()));
  from.on('error', () => later(() => to.resetAndDestroy()));
  from.setNoDelay(true);
}
