/** Host and port as in `example.org:443` or `[2001:db8::1]:443`; undefined when it is neither. */
export function parseHostPort(target: string): { host: string; port: number } | undefined {
  const [, literal, name, digits] =
    /^(?:\[([\da-f:.]+)\]|([^:/@\s]+)):(\d{1,5})$/i.exec(target) ?? [];
  const port = Number(digits);
  const url = URL.parse(`http://${literal === undefined ? name : `[${literal}]`}/`);
  if (url === null || !(port >= 1 && port <= 65_535)) return undefined;
  // The URL parser turns every spelling of an IPv4 address (octal, hexadecimal, one number) into one.
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
}

/** Says what is wrong with a `host:port` target, if anything. */
export function validateHostPort(target: string): string | undefined {
  if (target.includes('://')) return 'expected host:port, not a URL';
  if (parseHostPort(target)) return undefined;
  return 'expected host:port, such as example.org:443 or [2001:db8::1]:443';
}
