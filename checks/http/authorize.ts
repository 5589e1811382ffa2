import type { Secret } from '#lib/secret';
import type { Clock } from '#lib/clock';
import { Failure } from '../net/failure.ts';
import { Trace } from '../net/trace.ts';
import { type Connector, openConnection } from './connection.ts';
import { Download } from './download.ts';
import { exchange } from './exchange.ts';
import type { Request } from './request.ts';
import type { AuthSettings, OAuth2Settings } from './settings/auth.ts';

/** Knows how to authorize requests. */
export interface Authorizer {
  /** The value of the Authorization header, empty when there is none to send. */
  authorize(signal: AbortSignal): Promise<string | Failure>;
  /** The service refused it (401): one that was granted for a time is not tried again. */
  refused(): void;
}

interface Token {
  readonly value: string;
  readonly goodUntilMs: number;
}

/** A token is renewed this long before it expires. */
const renewBeforeMs = 30_000;
/** RFC 6749, 5.1 leaves the lifetime open when it is not said. */
const lifetimeDefaultMs = 300_000;
const answerBytesMax = 64 * 1024;

/** Keeps a token as long as it is good. */
export function createAuthorizer(
  auth: AuthSettings | undefined,
  connector: Connector,
  clock: Clock,
): Authorizer {
  if (auth === undefined) return constant('');
  if ('basic' in auth) return constant(basic(auth.basic.user, auth.basic.password));
  if ('bearer' in auth) return constant(`Bearer ${auth.bearer.reveal()}`);
  let token: Token | undefined;
  return {
    async authorize(signal) {
      if (token === undefined || token.goodUntilMs <= clock.monotonicMs()) {
        const fetched = await fetchToken(auth.oauth2, { connector, clock }, signal);
        if (fetched instanceof Failure) return fetched;
        token = fetched;
      }
      return `Bearer ${token.value}`;
    },
    refused: () => (token = undefined),
  };
}

function constant(header: string): Authorizer {
  return { authorize: async () => header, refused: () => undefined };
}

/** The client credentials grant (RFC 6749, 4.4). */
async function fetchToken(
  oauth2: OAuth2Settings,
  { connector, clock }: { connector: Connector; clock: Clock },
  signal: AbortSignal,
): Promise<Token | Failure> {
  const request = tokenRequest(oauth2);
  const trace = new Trace(clock);
  const socket = await openConnection(
    { url: request.url, trusted: false },
    connector,
    trace,
    signal,
  );
  if (socket instanceof Failure) return refused(request, socket);
  const plan = { bytesMax: answerBytesMax, textBytesMax: answerBytesMax, checksum: false };
  const download = new Download(plan, clock);
  const limits = { headersMs: undefined, idleMs: undefined };
  const { response, failure } = await exchange(
    socket,
    request,
    { version: connector.settings.version, trace, download, limits, sent: () => undefined },
    signal,
  );
  if (failure) return refused(request, failure);
  const token = readToken(download.content, clock.monotonicMs());
  if (response?.status === 200 && token !== undefined) return token;
  return Failure.down(
    'auth_failed',
    `the token endpoint ${request.url.origin} answered ${response?.status} ${token ? '' : 'without an access token'}`.trimEnd(),
  );
}

function tokenRequest(oauth2: OAuth2Settings): Request {
  const url = new URL(oauth2.url);
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...oauth2.parameters });
  if (oauth2.scopes.length > 0) form.set('scope', oauth2.scopes.join(' '));
  if (oauth2.send === 'body') {
    form.set('client_id', oauth2.id);
    form.set('client_secret', oauth2.secret.reveal());
  }
  return {
    url,
    method: 'POST',
    target: url.pathname + url.search,
    headers: {
      host: url.host,
      'user-agent': 'Farpoint',
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...(oauth2.send === 'header' && {
        authorization: basic(encodeURIComponent(oauth2.id), oauth2.secret, encodeURIComponent),
      }),
    },
    body: Buffer.from(form.toString()),
  };
}

function readToken(content: Uint8Array | undefined, nowMs: number): Token | undefined {
  try {
    const answer: unknown = JSON.parse(Buffer.from(content ?? []).toString());
    if (typeof answer !== 'object' || answer === null || !('access_token' in answer))
      return undefined;
    const seconds = 'expires_in' in answer ? Number(answer.expires_in) : Number.NaN;
    const lifetimeMs = Number.isFinite(seconds) ? seconds * 1000 : lifetimeDefaultMs;
    return { value: String(answer.access_token), goodUntilMs: nowMs + lifetimeMs - renewBeforeMs };
  } catch {
    return undefined;
  }
}

function refused({ url }: Request, failure: Failure): Failure {
  if (failure.verdict.status === 'unknown') return failure;
  return Failure.down('auth_failed', `no token from ${url.origin}: ${failure.verdict.message}`);
}

/** RFC 7617; RFC 6749, 2.3.1 wants both parts encoded as in a form. */
function basic(user: string, password: Secret, encode = (text: string) => text): string {
  return `Basic ${Buffer.from(`${user}:${encode(password.reveal())}`).toString('base64')}`;
}
