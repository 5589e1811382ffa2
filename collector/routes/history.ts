import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Clock } from '#lib/clock';
import { type Finding, validate } from '#lib/configuration/issues';
import type { Logger } from '#lib/log';
import { duration } from '#lib/scalars';
import type { Permission } from '../keys.ts';
import type { Run, RunsQuery, TargetsQuery, TargetState } from '../sinks/history/queries.ts';

/*
 * The history for readers: pages, tables, scripts. Every answer is JSON; times are Unix milliseconds,
 * and a value that is not known is null. docs/history-api.md has it all.
 */

/** What the routes read from. */
export interface HistoryReader {
  selectRuns(query: RunsQuery): Promise<readonly Run[]>;
  selectTargets(query: TargetsQuery): Promise<readonly TargetState[]>;
}

export interface HistoryRoutesOptions {
  readonly history: HistoryReader;
  /** Judges an Authorization header. */
  readonly mayRead: (authorization: string | undefined) => Permission;
  readonly clock: Clock;
  readonly log: Logger;
}

const windowMsMax = 31 * 86_400_000;

const selection = {
  check: z.string().optional(),
  target: z.string().optional(),
  region: z.string().optional(),
};

const targetsParameters = z.strictObject({
  ...selection,
  window: duration
    .pipe(z.number().min(1, 'expected more than 0').max(windowMsMax, 'expected at most 31d'))
    .prefault('24h'),
  runs: z.coerce.number().int().min(0).max(200).default(30),
  limit: z.coerce.number().int().min(1).max(1000).default(500),
});

const runsParameters = z
  .strictObject({
    ...selection,
    from: z.string().transform(toUnixMs).optional(),
    to: z.string().transform(toUnixMs).optional(),
    limit: z.coerce.number().int().min(1).max(10_000).default(1000),
  })
  .refine(({ from = 0, to = Infinity }) => from <= to, {
    path: ['from'],
    message: 'expected a time before to',
  });

/** Adds `GET /api/v1/targets` and `GET /api/v1/runs`. */
export function addHistoryRoutes(app: FastifyInstance, options: HistoryRoutesOptions): void {
  const { history, clock, log } = options;
  const report = troubleReport(log);
  app.get('/api/v1/targets', (request, reply) =>
    answer(
      { request, reply, options, report, parameters: targetsParameters },
      async (parameters) => {
        const { window, limit, ...rest } = parameters;
        const nowUnixMs = Math.floor(clock.unixMs());
        const query = { ...rest, nowUnixMs, windowMs: window, limit: limit + 1 };
        const targets = await history.selectTargets(query);
        return {
          unixMs: nowUnixMs,
          windowMs: window,
          targets: targets.slice(0, limit),
          truncated: targets.length > limit,
        };
      },
    ),
  );
  app.get('/api/v1/runs', (request, reply) =>
    answer({ request, reply, options, report, parameters: runsParameters }, async (parameters) => {
      const { from = 0, to = clock.unixMs(), limit, ...rest } = parameters;
      const query = { ...rest, fromUnixMs: from, toUnixMs: to, limit: limit + 1 };
      const runs = await history.selectRuns(query);
      return { runs: runs.slice(-limit), truncated: runs.length > limit };
    }),
  );
}

interface Asked<Schema extends z.ZodType> {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly options: HistoryRoutesOptions;
  /** Takes what went wrong, or that nothing did. */
  readonly report: (trouble: unknown) => void;
  readonly parameters: Schema;
}

/** Lets in who has a key, and answers in the one form all answers have. */
async function answer<Schema extends z.ZodType>(
  { request, reply, options, report, parameters }: Asked<Schema>,
  find: (parameters: z.output<Schema>) => Promise<object>,
): Promise<FastifyReply> {
  reply.header('cache-control', 'no-store');
  const permission = options.mayRead(request.headers.authorization);
  if (permission === 'nobody') {
    reply.header('www-authenticate', 'Bearer');
    return reply.code(401).send({ message: 'a valid key is needed' });
  }
  if (permission === 'missing') {
    return reply.code(403).send({ message: 'this key may not read: it needs the scope read' });
  }
  const read = validate(parameters, request.query);
  if ('findings' in read) return reply.code(400).send({ message: describe(read.findings) });
  try {
    const found = await find(read.output);
    report(undefined);
    return await reply.send(found);
  } catch (error) {
    report(error);
    reply.header('retry-after', '5');
    return reply.code(503).send({ message: 'the history cannot be read at the moment' });
  }
}

/** Readers come every few seconds: they are told each time, the log when it begins and when it is over. */
function troubleReport(log: Logger): (trouble: unknown) => void {
  let isTroubled = false;
  return (error) => {
    if (error !== undefined && !isTroubled) log.error({ error }, 'the history cannot be read');
    if (error === undefined && isTroubled) log.info('the history can be read again');
    isTroubled = error !== undefined;
  };
}

function describe(findings: readonly Finding[]): string {
  return findings.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');
}

/** Unix milliseconds, or a time in RFC 3339. */
function toUnixMs(text: string, context: z.RefinementCtx<string>): number {
  const unixMs = /^\d+$/.test(text) ? Number(text) : Date.parse(text);
  if (Number.isSafeInteger(unixMs)) return unixMs;
  context.addIssue('expected Unix milliseconds, or a time such as 2026-12-01T20:00:00Z');
  return z.NEVER;
}
