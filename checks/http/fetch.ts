import { Failure } from '../net/failure.ts';
import type { Trace } from '../net/trace.ts';
import { type Connector, openConnection } from './connection.ts';
import { Cookies } from './cookies.ts';
import { Download, type DownloadPlan } from './download.ts';
import { exchange } from './exchange.ts';
import type { ReceptionLimits, Response } from './exchange/reception.ts';
import { followRedirect } from './redirect.ts';
import { buildRequest, type Intent } from './request.ts';
import type { HttpSettings } from './settings.ts';

/** What came of a run's requests: the last answer, or why there is none. */
export interface Fetched {
  readonly response: Response | undefined;
  readonly download: Download;
  /** Why the run ended before the last answer was complete. */
  readonly failure: Failure | undefined;
  /** False when redirects led nowhere: then the answer is not the one that was asked for. */
  readonly isFinal: boolean;
  readonly url: URL;
}

export interface FetchParts {
  readonly settings: HttpSettings;
  readonly connector: Connector;
  readonly authorization: string;
  readonly plan: DownloadPlan;
  readonly limits: ReceptionLimits;
  readonly trace: Trace;
  /** Called when the first request is on its way. */
  sent(): void;
}

/** Sends the request and follows its redirects, each hop over a connection of its own. */
export async function fetch(
  first: Intent,
  parts: FetchParts,
  signal: AbortSignal,
): Promise<Fetched> {
  const cookies = new Cookies();
  const visited = new Set<string>();
  let intent = first;
  for (let hop = 0; ; hop += 1) {
    const fetched = await fetchOnce(intent, cookies, parts, signal);
    const { response } = fetched;
    if (fetched.failure || response === undefined || parts.settings.redirects === 0) return fetched;
    const next = followRedirect(response, intent);
    if (next === undefined) return fetched;
    const { origin, pathname } = intent.url;
    parts.trace.note(`redirect_${hop}`, `${response.status} from ${origin}${pathname}`);
    visited.add(await visitOf(intent, cookies));
    await cookies.take(response, intent.url);
    const failure =
      next instanceof Failure ? next : await stop(next, { hop, visited, cookies, parts });
    if (failure) return { ...fetched, failure, isFinal: false };
    if (!(next instanceof Failure)) intent = next;
  }
}

async function fetchOnce(
  intent: Intent,
  cookies: Cookies,
  parts: FetchParts,
  signal: AbortSignal,
): Promise<Fetched> {
  const { trace, connector, settings } = parts;
  const { url } = intent;
  const download = new Download(parts.plan, trace.clock);
  const socket = await openConnection(intent, connector, trace, signal);
  if (socket instanceof Failure) {
    return { response: undefined, download, failure: socket, isFinal: true, url };
  }
  const request = buildRequest(intent, settings, {
    authorization: parts.authorization,
    cookie: await cookies.header(url),
  });
  const outcome = await exchange(
    socket,
    request,
    { version: settings.version, trace, download, limits: parts.limits, sent: () => parts.sent() },
    signal,
  );
  return { ...outcome, download, isFinal: true, url };
}

/** Why this redirect is not followed; the same place with other cookies is another place. */
async function stop(
  next: Intent,
  so: { hop: number; visited: ReadonlySet<string>; cookies: Cookies; parts: FetchParts },
): Promise<Failure | undefined> {
  const { redirects } = so.parts.settings;
  if (so.visited.has(await visitOf(next, so.cookies))) {
    return Failure.down(
      'redirect_loop',
      `redirects lead back to ${next.url.origin}${next.url.pathname}`,
    );
  }
  if (so.hop < redirects) return undefined;
  return Failure.down('redirect_limit', `more than ${redirects} redirects`);
}

async function visitOf({ method, url }: Intent, cookies: Cookies): Promise<string> {
  return `${method} ${url.href} ${await cookies.header(url)}`;
}
