import { readSystemFile } from './system-file.ts';

/** Flag of a route that leads over a gateway (RTF_GATEWAY in the kernel's include/uapi/linux/route.h). */
const viaGateway = 2;

/** The IPv4 address of this host's default gateway; undefined where there is none, or nothing is known of it. */
export function findDefaultGateway(file = '/proc/net/route'): string | undefined {
  const routes = readSystemFile(file)
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(
      ([, destination, , flags = '0', , , , mask]) =>
        destination === '00000000' &&
        mask === '00000000' &&
        Number.parseInt(flags, 16) & viaGateway,
    )
    .toSorted((a, b) => Number(a[6]) - Number(b[6]));
  const gateway = routes[0]?.[2];
  // In the byte order of the network, printed as a number of the host.
  return gateway && [...Buffer.from(gateway, 'hex').reverse()].join('.');
}
