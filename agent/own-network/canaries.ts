import { randomBytes } from 'node:crypto';
import type { Check, CheckServices } from '#checks/check';
import { dns } from '#checks/dns';
import { findDefaultGateway } from '#checks/net/default-gateway';
import { ping } from '#checks/ping';
import { tcp } from '#checks/tcp';

/** Something near this agent that answers as long as the agent's own network works. */
export interface Canary {
  /** As configured. */
  readonly name: string;
  /** A check that looks at it once; undefined where there is no such thing on this host. */
  create(timeoutMs: number): Promise<Check | undefined>;
}

/** Makes `gateway`, `resolver` and `host:port` what can be asked, by the checks there are. */
export function createCanaries(
  names: readonly string[],
  services: CheckServices,
): readonly Canary[] {
  return names.map((name) => {
    if (name === 'gateway') return gateway(services);
    return name === 'resolver' ? resolver(services) : witness(name, services);
  });
}

/** Two echo requests to the default gateway, which may change. Those of IPv6 are link-local, and not asked. */
function gateway(services: CheckServices): Canary {
  const settings = ping.settings.parse({ count: 2, gap: '100ms' });
  return {
    name: 'gateway',
    async create(timeoutMs) {
      const target = findDefaultGateway();
      if (target === undefined) return undefined;
      return ping.create({ name: 'gateway', target, settings, timeoutMs }, services);
    },
  };
}

/**
 * A name that nobody has asked for before, so that no cache on the way answers: that of a stub on this
 * host would tell nothing. That there is no such name is an answer.
 */
function resolver(services: CheckServices): Canary {
  const settings = dns.settings.parse({ expect: { absent: true } });
  return {
    name: 'resolver',
    async create(timeoutMs) {
      const target = `farpoint-${randomBytes(6).toString('hex')}.arpa`;
      return dns.create({ name: 'resolver', target, settings, timeoutMs }, services);
    },
  };
}

function witness(target: string, services: CheckServices): Canary {
  const settings = tcp.settings.parse({});
  return {
    name: target,
    create: (timeoutMs) => tcp.create({ name: target, target, settings, timeoutMs }, services),
  };
}
