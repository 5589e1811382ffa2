/** Says what is wrong with a target URL, if anything. */
export function validateUrl(target: string): string | undefined {
  if (!URL.canParse(target)) return 'expected a URL such as https://example.org/';
  const url = new URL(target);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `expected http: or https:, got ${url.protocol}`;
  }
  if (url.username !== '' || url.password !== '') {
    return 'a target must not carry credentials: every metric shows it; use auth.basic';
  }
  if (url.hash !== '') return 'a fragment (#…) is never sent to a server; leave it out';
  return undefined;
}

/** The host of a URL as the network needs it: IPv6 addresses without brackets. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}

/** The port of a URL, its scheme's own where none is written. */
export function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}
