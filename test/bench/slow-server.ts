/**
 * A server that answers after 50 ms, as a process of its own: `node slow-server.ts CERTIFICATE KEY`
 * listens on two free loopback ports and prints them, http and https.
 */
import { readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, type Server } from 'node:net';

const [certificate = '', key = ''] = process.argv.slice(2);
const answer: RequestListener = (_request, response) => {
  setTimeout(() => response.end('fine'), 50);
};
const identity = { cert: readFileSync(certificate), key: readFileSync(key) };
const ports = await Promise.all([
  listen(createServer(answer)),
  listen(createTlsServer(identity, answer)),
]);
console.log(ports.join(' '));

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen({ host: '127.0.0.1', port: 0, backlog: 1024 }, () =>
      resolve((server.address() as AddressInfo).port),
    );
  });
}
