import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Host } from './network.ts';

/** A namespace with nothing but its loopback, whose name server is there. */
export function openUnnamedHost(): Host & Disposable {
  const namespace = `farpoint-unnamed-${process.pid}`;
  const settings = join('/etc/netns', namespace);
  mkdirSync(settings, { recursive: true });
  writeFileSync(join(settings, 'resolv.conf'), 'nameserver 127.0.0.1\n');
  execFileSync('ip', ['netns', 'add', namespace]);
  const host = new Host(namespace, { 4: '127.0.0.1', 6: '::1' });
  host.run('ip link set lo up');
  return Object.assign(host, {
    [Symbol.dispose]: () => {
      execFileSync('ip', ['netns', 'delete', namespace]);
      rmSync(settings, { recursive: true });
    },
  });
}

type Bound = (error: null, address: string, family: number) => void;

/** Hears questions there and answers none. */
export function silentNameServer(host: Host): Disposable & { readonly questions: number } {
  const heard = { questions: 0 };
  // Bound at once, so that it is bound there.
  const lookup = (address: string, _: unknown, callback: Bound): void => callback(null, address, 4);
  const socket = createSocket({ type: 'udp4', lookup }, () => (heard.questions += 1));
  {
    using _there = host.enter();
    socket.bind(53, '127.0.0.1');
  }
  return Object.assign(heard, { [Symbol.dispose]: () => void socket.close() });
}
