import { isIP } from 'node:net';
import { z } from 'zod';

const nameServer = z
  .string()
  .refine(isNameServer, 'expected an address or address:port, such as 192.0.2.53 or [::1]:5353');

/** Keys of every check that looks a name up. */
export const resolveSettings = {
  ip: z
    .literal(['auto', 4, 6])
    .default('auto')
    .describe('IP version to use; auto: IPv4 where the name has such an address, else IPv6'),
  resolvers: z
    .array(nameServer)
    .min(1)
    .optional()
    .describe(
      "Name servers to ask instead of the system's; then neither /etc/hosts nor search domains apply",
    ),
};

function isNameServer(text: string): boolean {
  if (isIP(text)) return true;
  const [, host = '', port = ''] = /^(.*):(\d{1,5})$/.exec(text) ?? [];
  const bare = host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
  return isIP(bare) !== 0 && (bare === host ? isIP(bare) === 4 : true) && Number(port) < 65_536;
}
