import { isIP } from 'node:net';

/**
 * The addresses a hosts file (hosts(5)) gives for a name, in the order of the file. Names compare
 * without regard to case; a final dot is ignored.
 */
export function findInHosts(text: string, name: string): string[] {
  const wanted = name.toLowerCase().replace(/\.$/, '');
  const addresses: string[] = [];
  for (const line of text.split('\n')) {
    const [address, ...names] = line.replace(/#.*/, '').trim().toLowerCase().split(/\s+/);
    if (address && isIP(address) && names.includes(wanted)) addresses.push(address);
  }
  return addresses;
}
