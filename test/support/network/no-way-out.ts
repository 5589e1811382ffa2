import { isIP, Socket } from 'node:net';
import { isLoopback } from '#lib/loopback';

/** Where this process tried to connect to beyond this machine, instead of doing so. */
export const attempts: string[] = [];

/**
 * From here on no connection of this process leaves the machine, whatever a policy under test lets
 * through: it fails, and is remembered.
 */
export function closeTheWayOut(): void {
  // oxlint-disable-next-line typescript/unbound-method -- given its socket again by Reflect.apply
  Socket.prototype.connect = new Proxy(Socket.prototype.connect, {
    apply(connect, socket: Socket, given: unknown[]): Socket {
      const destination = destinationOf(given);
      if (destination === undefined || staysHere(destination)) {
        return Reflect.apply(connect, socket, given) as Socket;
      }
      attempts.push(destination);
      return socket.destroy(new Error(`there is no way out to ${destination}`));
    },
  });
}

/** Node itself calls it with one array of normalized arguments. */
function destinationOf([first, second]: readonly unknown[]): string | undefined {
  const [options, host] = Array.isArray(first) ? (first as unknown[]) : [first, second];
  if (typeof options === 'object' && options !== null && 'path' in options) return undefined;
  if (typeof options === 'object' && options !== null && 'host' in options) {
    return typeof options.host === 'string' ? options.host : 'localhost';
  }
  return typeof host === 'string' ? host : 'localhost';
}

function staysHere(host: string): boolean {
  return host === 'localhost' || (isIP(host) !== 0 && isLoopback(host));
}
