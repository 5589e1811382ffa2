import type { FastifyInstance } from 'fastify';
import { expositionType, formatExposition } from '../exposition.ts';
import type { Labels, MetricFamily } from '../metric.ts';

export interface OperationRoutesOptions {
  /** Why no data can be taken now; undefined when they can. */
  readonly trouble: () => string | undefined;
  readonly metrics: () => readonly MetricFamily[];
  /** On every sample. */
  readonly labels: Labels;
}

/**
 * Adds what operators and their machines look at: `/healthz` (the process is alive), `/readyz` (data
 * are taken: 200, or 503 with the reason) and `/metrics` (Prometheus text format). They need no key.
 */
export function addOperationRoutes(app: FastifyInstance, options: OperationRoutesOptions): void {
  const { trouble, metrics, labels } = options;
  app.get('/healthz', (_request, reply) => reply.type('text/plain').send('alive\n'));
  app.get('/readyz', (_request, reply) => {
    const why = trouble();
    reply.type('text/plain');
    return why === undefined ? reply.send('ready\n') : reply.code(503).send(`${why}\n`);
  });
  app.get('/metrics', (_request, reply) =>
    reply.type(expositionType).send(formatExposition(metrics(), labels)),
  );
}
