import { createServer, type RequestListener, Server as HttpServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';

/** A server on a free loopback port, gone when its block ends. */
export interface Serving extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:PORT/` */
  readonly url: string;
}

/** Answers HTTP requests. */
export function serveHttp(listener: RequestListener): Promise<Serving> {
  return serve(createServer(listener));
}

/** Makes any server listen on loopback. */
export async function serve(server: Server, host = '127.0.0.1'): Promise<Serving> {
  const listening = Promise.withResolvers<void>();
  const open = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.once('error', listening.reject).listen(0, host, listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}/`,
    [Symbol.asyncDispose]: async () => {
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      if (server instanceof HttpServer) server.closeAllConnections();
      for (const socket of open) socket.destroy();
      await closed.promise;
    },
  };
}
