import type { Check, CheckServices, CheckSpec, Run } from '../check.ts';
import { judgeExpiry } from '../net/certificate-expiry.ts';
import { defaultEgress } from '../net/egress.ts';
import { Failure, firstOf } from '../net/failure.ts';
import { parseHostPort } from '../net/host-port.ts';
import { locate, type Network } from '../net/locate.ts';
import { toObservation } from '../net/observation.ts';
import { openSecure } from '../net/secure.ts';
import { judgeTime } from '../net/time-limits.ts';
import { createTlsContexts, type TlsContexts } from '../net/tls-context.ts';
import { Trace } from '../net/trace.ts';
import { tlsDuration } from './metrics.ts';
import type { TlsCheckSettings } from './settings.ts';

interface Parts {
  readonly destination: { readonly host: string; readonly port: number };
  readonly settings: TlsCheckSettings;
  readonly network: Network;
  readonly contextFor: TlsContexts;
}

/** Makes the check of one host and port. */
export function createTlsCheck(spec: CheckSpec<TlsCheckSettings>, services: CheckServices): Check {
  const { settings, target } = spec;
  const parts: Parts = {
    destination: parseHostPort(target) ?? { host: target, port: 0 },
    settings,
    network: {
      resolve: { ip: settings.ip, servers: settings.resolvers },
      egress: services.egress ?? defaultEgress,
    },
    contextFor: createTlsContexts(settings.tls),
  };
  return {
    async run(run) {
      const trace = new Trace(services.clock);
      const failure = await shakeHands(parts, trace, run);
      return toObservation(failure, trace, tlsDuration);
    },
  };
}

async function shakeHands(parts: Parts, trace: Trace, run: Run): Promise<Failure | undefined> {
  const { settings, destination } = parts;
  const { protocols, expect } = settings;
  const servername = settings.tls.name ?? destination.host;
  trace.enterHop('resolve');
  const endpoint = await locate(destination, parts.network, trace, run.signal);
  if (endpoint instanceof Failure) return endpoint;
  const { contextFor } = parts;
  const refused = Failure.down(
    'tls_protocol',
    `the server takes none of ${protocols.join(', ')} (ALPN)`,
  );
  const socket = await openSecure(
    {
      endpoint,
      servername,
      alpn: protocols,
      refused,
      settings: settings.tls,
      contextFor,
      identifies: true,
    },
    trace,
    run.signal,
  );
  run.waiting();
  trace.stop();
  const failed = socket instanceof Failure ? socket : undefined;
  if (!(socket instanceof Failure)) socket.on('error', () => undefined).destroy();
  const peer = trace.tls;
  if (peer === undefined) return failed;
  const noProtocol =
    !failed && protocols.length > 0 && !protocols.includes(peer.alpn) ? refused : undefined;
  const expiring = failed ? undefined : judgeExpiry(peer, expect.certificate, trace.clock.unixMs());
  const times = { phases: trace.phases, totalMs: trace.durationMs };
  return firstOf(
    [failed, noProtocol, expiring, ...judgeTime(times, expect.time ?? {})].filter(
      (failure) => failure !== undefined,
    ),
  );
}
