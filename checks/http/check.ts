import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { type Socket } from 'node:net';
import { type Observation } from '#lib/observation';
import { type Check, type CheckServices, type CheckSpec, type Run } from '../check.ts';
import { readTlsFacts, verifyPeer } from '../net/certificate.ts';
import { openTcp, openTls } from '../net/connect.ts';
import { createEgressPolicy } from '../net/egress.ts';
import { Failure } from '../net/failure.ts';
import { lookupTime, recordResolution, recordTls } from '../net/metrics.ts';
import { resolve } from '../net/resolve.ts';
import { Trace } from '../net/trace.ts';
import { exchange, type Response } from './exchange.ts';
import { statusFailure } from './expect.ts';
import {
  bodySize,
  contentLength,
  httpVersion,
  phaseDuration,
  statusCode,
  usedTls,
} from './metrics.ts';
import { type HttpSettings } from './settings.ts';
import { hostOf, portOf } from './url.ts';

let sharedContext: SecureContext | undefined;

/** Makes the check of one URL. */
export function createHttpCheck(spec: CheckSpec<HttpSettings>, services: CheckServices): Check {
  const url = new URL(spec.target);
  return {
    async run(run) {
      const trace = new Trace(services.clock);
      const response = await fetchOnce(url, spec.settings, trace, run);
      trace.stop();
      const failure =
        response instanceof Failure
          ? response
          : statusFailure(response.status, spec.settings.expect.status);
      return observe(failure, trace);
    },
  };
}

async function fetchOnce(
  url: URL,
  settings: HttpSettings,
  trace: Trace,
  run: Run,
): Promise<Response | Failure> {
  const socket = await open(url, settings, trace, run.signal);
  if (socket instanceof Failure) return socket;
  const response = await exchange(
    socket,
    { url, method: settings.method, headers: { 'user-agent': 'farpoint', ...settings.headers } },
    { trace, waiting: () => run.waiting() },
    run.signal,
  );
  if (!(response instanceof Failure)) recordResponse(response, url, trace);
  return response;
}

async function open(
  url: URL,
  settings: HttpSettings,
  trace: Trace,
  signal: AbortSignal,
): Promise<Socket | Failure> {
  trace.enter('resolve');
  const resolution = await resolve(hostOf(url), { ip: settings.ip }, signal);
  if (resolution instanceof Failure) return resolution;
  recordResolution(resolution, trace);
  const endpoint = { address: resolution.address, port: portOf(url) };
  const denied = createEgressPolicy({ allow: [], deny: [] })(endpoint.address, endpoint.port);
  if (denied) return denied;
  if (url.protocol === 'http:') return openTcp(endpoint, trace, signal);
  sharedContext ??= createSecureContext();
  const socket = await openTls(
    { ...endpoint, tls: { servername: hostOf(url), context: sharedContext, alpn: ['http/1.1'] } },
    trace,
    signal,
  );
  return socket instanceof Failure ? socket : verified(socket, hostOf(url), trace);
}

function verified(socket: TLSSocket, host: string, trace: Trace): Socket | Failure {
  const facts = readTlsFacts(socket);
  if (facts) recordTls(facts, trace);
  const failure = verifyPeer(socket, host);
  if (failure === undefined) return socket;
  socket.on('error', () => undefined).destroy();
  return failure;
}

function recordResponse(response: Response, url: URL, trace: Trace): void {
  trace.measure(statusCode, response.status);
  trace.measure(usedTls, url.protocol === 'https:' ? 1 : 0);
  trace.measure(httpVersion, 1.1);
  trace.measure(bodySize, response.bodyBytes);
  trace.measure(contentLength, Number(response.headers['content-length'] ?? -1));
  trace.note('status', response.status);
}

function observe(failure: Failure | undefined, trace: Trace): Observation {
  for (const [phase, ms] of trace.phases) trace.measure(phaseDuration, ms / 1000, { phase });
  const resolveMs = trace.phases.get('resolve');
  if (resolveMs !== undefined) trace.measure(lookupTime, resolveMs / 1000);
  return {
    verdict: failure?.verdict ?? { status: 'up' },
    measurements: trace.measurements,
    durationMs: trace.durationMs,
    evidence: trace.evidence,
  };
}
