import { readFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { createSecureContext } from 'node:tls';
import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import type { Logger } from '#lib/log';
import type { CollectorConfiguration } from './config.ts';
import { watchFiles } from './watch.ts';

export interface CollectorServerOptions {
  readonly listen: CollectorConfiguration['listen'];
  readonly tls: CollectorConfiguration['tls'];
  readonly log: Logger;
  readonly addRoutes: (app: FastifyInstance) => void;
}

export interface CollectorServer extends AsyncDisposable {
  /** With the port that was really taken. */
  readonly url: string;
}

/** Against senders that dribble: for the headers, and for a whole request. */
const timeouts: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 120_000,
  connectionsCheckingInterval: 2_000,
  // Longer than clients keep an idle connection, so that none is closed just as it is used again.
  keepAliveTimeout: 75_000,
};
const connectionsMax = 4096;
/** How long a stop waits for requests that are still arriving. */
const graceMs = 4_000;

/**
 * Listens. When it is disposed, requests in work are answered first. Certificate files that change are
 * used from then on; while they cannot be used the old ones are.
 */
export async function startServer(options: CollectorServerOptions): Promise<CollectorServer> {
  const { listen, tls, log, addRoutes } = options;
  const server =
    tls === undefined ? undefined : createTlsServer({ ...timeouts, ...(await readPair(tls)) });
  const app = fastify({ serverFactory: factory(server), return503OnClosing: false });
  app.server.maxConnections = connectionsMax;
  answerErrors(app, log);
  addRoutes(app);
  const url = new URL(await open(app, listen));
  if (tls !== undefined) url.protocol = 'https:';
  const watch = tls && server && watchPair(tls, server, log);
  return {
    url: url.origin,
    [Symbol.asyncDispose]: async () => {
      watch?.[Symbol.dispose]();
      const force = setTimeout(() => app.server.closeAllConnections(), graceMs);
      await app.close();
      clearTimeout(force);
    },
  };
}

function factory(secure: TlsServer | undefined): (handler: RequestListener) => Server {
  return (handler) => secure?.on('request', handler) ?? createServer(timeouts, handler);
}

/** What no route has answered. Trouble of our own is never 500, for which exporters drop their data. */
function answerErrors(app: FastifyInstance, log: Logger): void {
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const { statusCode = 500, message } = error;
    if (statusCode < 500) return reply.code(statusCode).send({ message });
    log.error({ error }, 'cannot serve a request');
    return reply.code(503).header('retry-after', '30').send({ message: 'internal trouble' });
  });
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ message: 'nothing is here' }));
}

async function open(
  app: FastifyInstance,
  { host, port }: CollectorConfiguration['listen'],
): Promise<string> {
  try {
    return await app.listen({ host, port });
  } catch (error) {
    throw new Error(`cannot listen on ${host}:${port}`, { cause: error });
  }
}

type Pair = NonNullable<CollectorConfiguration['tls']>;

async function readPair({ certificate, key }: Pair): Promise<{ cert: Buffer; key: Buffer }> {
  try {
    const [certificateBytes, keyBytes] = await Promise.all([readFile(certificate), readFile(key)]);
    const pair = { cert: certificateBytes, key: keyBytes };
    createSecureContext(pair);
    return pair;
  } catch (error) {
    throw new Error(`cannot use the certificate ${certificate} with the key ${key}`, {
      cause: error,
    });
  }
}

function watchPair(tls: Pair, server: TlsServer, log: Logger): Disposable {
  const replace = async (): Promise<void> => {
    try {
      server.setSecureContext(await readPair(tls));
      log.info('using the new certificate');
    } catch (error) {
      log.error({ error }, 'cannot use the new certificate; the old one goes on');
    }
  };
  return watchFiles([tls.certificate, tls.key], () => void replace());
}
