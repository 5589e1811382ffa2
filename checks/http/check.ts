import { readFile } from 'node:fs/promises';
import { messageOf } from '#lib/error-message';
import type { Observation } from '#lib/observation';
import type { Check, CheckServices, CheckSpec, Run } from '../check.ts';
import { Inspector } from '../inspect/inspector.ts';
import { defaultEgress } from '../net/egress.ts';
import { Failure } from '../net/failure.ts';
import { toObservation } from '../net/observation.ts';
import { createTlsContexts } from '../net/tls-context.ts';
import { Trace } from '../net/trace.ts';
import { type Authorizer, createAuthorizer } from './authorize.ts';
import type { Connector } from './connection.ts';
import { fetch, type Fetched } from './fetch.ts';
import { judge, needsContent } from './judge.ts';
import { measureAnswer, measureHops, phaseDuration } from './metrics.ts';
import { headerText, type Received } from './received.ts';
import { firstIntent, type Intent } from './request.ts';
import type { HttpSettings } from './settings.ts';

interface Parts {
  readonly url: URL;
  readonly settings: HttpSettings;
  readonly services: CheckServices;
  readonly connector: Connector;
  readonly authorizer: Authorizer;
}

/** Makes the check of one URL. */
export function createHttpCheck(spec: CheckSpec<HttpSettings>, services: CheckServices): Check {
  const { settings } = spec;
  const contextFor = createTlsContexts(settings.tls);
  const connector: Connector = {
    settings,
    network: {
      resolve: { ip: settings.ip, servers: settings.resolvers },
      egress: services.egress ?? defaultEgress,
    },
    contextFor,
  };
  const authorizer = createAuthorizer(settings.auth, connector, services.clock);
  const url = new URL(spec.target);
  // Reading all trusted roots takes 20 ms: before the first run, not in it.
  if (url.protocol === 'https:') for (const withClient of [true, false]) contextFor(withClient);
  const parts = { url, settings, services, connector, authorizer };
  return { run: (run) => look(parts, run) };
}

async function look(parts: Parts, run: Run): Promise<Observation> {
  const trace = new Trace(parts.services.clock);
  const failure = await fetchAndJudge(parts, trace, run);
  trace.stop();
  measureHops(trace);
  return toObservation(failure, trace, phaseDuration);
}

/** What is done before the clock starts, the fetch itself, and what is done with the clock stopped. */
async function fetchAndJudge(parts: Parts, trace: Trace, run: Run): Promise<Failure | undefined> {
  const { settings, services } = parts;
  const intent = await prepare(parts);
  if (intent instanceof Failure) return intent;
  const authorization = await parts.authorizer.authorize(run.signal);
  if (authorization instanceof Failure) return authorization;
  const fetched = await fetch(
    intent,
    {
      settings,
      connector: parts.connector,
      authorization,
      plan: {
        bytesMax: settings.limit.body,
        textBytesMax: needsContent(settings) ? settings.limit.text : 0,
        checksum: settings.expect.sha256 !== undefined,
      },
      limits: { headersMs: settings.timeout?.headers, idleMs: settings.timeout?.idle },
      trace,
      sent: () => run.waiting(),
    },
    run.signal,
  );
  const received = toReceived(fetched, trace);
  if (received === undefined) return fetched.failure;
  if (received.response.status === 401) parts.authorizer.refused();
  measureAnswer(received, trace.hops.length, trace);
  noteAnswer(fetched.url, received, trace);
  if (!fetched.isFinal) return fetched.failure;
  const openInspector = (): Promise<Inspector> =>
    services.shared('inspector', async () => new Inspector());
  return judge(received, settings, { broke: fetched.failure, trace, openInspector }, run.signal);
}

async function prepare({ url, settings }: Parts): Promise<Intent | Failure> {
  const { body } = settings;
  if (body === undefined) return firstIntent(url, settings, undefined);
  if (typeof body === 'string') return firstIntent(url, settings, Buffer.from(body));
  try {
    return firstIntent(url, settings, await readFile(body.file));
  } catch (error) {
    const why = messageOf(error);
    return Failure.unknown('agent_error', `the request body cannot be read: ${why}`);
  }
}

function toReceived(fetched: Fetched, trace: Trace): Received | undefined {
  const { response, download } = fetched;
  if (response === undefined) return undefined;
  return {
    response,
    download,
    complete: fetched.failure === undefined,
    tls: trace.tls,
    phases: trace.phases,
    totalMs: trace.durationMs,
    unixMs: trace.clock.unixMs(),
  };
}

/** Headers that help to tell why an answer was what it was. */
const tellingHeaders = [
  'content-type',
  'content-encoding',
  'server',
  'location',
  'retry-after',
  'via',
  'age',
  'x-cache',
];

/** Queries can carry secrets, so no URL is kept with its own. */
function noteAnswer(url: URL, { response, download }: Received, trace: Trace): void {
  trace.note('url', url.origin + url.pathname);
  trace.note('status', response.status);
  trace.note('http_version', response.version);
  trace.note('body_bytes', download.received);
  for (const name of tellingHeaders) {
    const text = headerText(response, name).replace(/\?.*/, '');
    if (text !== '') trace.note(`header_${name}`, text.slice(0, 200));
  }
}
