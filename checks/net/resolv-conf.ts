/** How the system looks names up, as resolv.conf(5) says. */
export interface ResolvConf {
  readonly search: readonly string[];
  /** A name with fewer dots is tried in the search domains first. */
  readonly ndots: number;
  /** How long to wait for one answer of one server. */
  readonly timeoutMs: number;
  /** How often to ask each server. */
  readonly attempts: number;
}

/** Reads resolv.conf(5); what it does not say has the defaults of its manual page. */
export function parseResolvConf(text: string): ResolvConf {
  let search: string[] = [];
  let options: string[] = [];
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line
      .replace(/[#;].*/, '')
      .trim()
      .split(/\s+/);
    if (keyword === 'search' || keyword === 'domain') search = values;
    if (keyword === 'options') options = [...options, ...values];
  }
  const option = (name: string, fallback: number, max: number): number => {
    const value = options.findLast((text) => text.startsWith(`${name}:`))?.slice(name.length + 1);
    return value !== undefined && /^\d+$/.test(value) ? Math.min(Number(value), max) : fallback;
  };
  return {
    search: search.map((domain) => domain.replace(/\.$/, '')).filter((domain) => domain !== ''),
    ndots: option('ndots', 1, 15),
    timeoutMs: Math.max(1, option('timeout', 5, 30)) * 1000,
    attempts: Math.max(1, option('attempts', 2, 5)),
  };
}

/** The full names to ask for, in order, as the system's resolver would (ndots and search domains). */
export function searchCandidates(name: string, conf: ResolvConf): string[] {
  if (name.endsWith('.')) return [name.slice(0, -1)];
  const inDomains = conf.search.map((domain) => `${name}.${domain}`);
  const dots = name.split('.').length - 1;
  return dots >= conf.ndots ? [name, ...inDomains] : [...inDomains, name];
}
