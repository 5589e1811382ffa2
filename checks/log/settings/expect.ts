import { z } from 'zod';
import { duration } from '#lib/scalars';

const share = z.number().min(0).max(1).describe('Share, from 0 to 1');
const maxShare = z.strictObject({ max: share });
const shares = z.strictObject({ min: share.optional(), max: share.optional() });
const counts = z.strictObject({
  min: z.number().min(0).optional(),
  max: z.number().min(0).optional(),
});

const times = z
  .strictObject({ p50: duration, p95: duration, p99: duration })
  .partial()
  .describe('Upper limits of quantiles of the time that requests of the window took');

/** What may be expected of all requests of the window, and of those of one route. */
const requestExpectations = {
  requests: counts.optional().describe('How many requests the window has'),
  errors: maxShare.optional().describe('How many of the requests of the window were answered 5xx'),
  status: z
    .partialRecord(z.enum(['1xx', '2xx', '3xx', '4xx', '5xx']), shares)
    .optional()
    .describe('Share of the requests of the window by status class'),
  time: times.optional(),
  upstream: times.optional().describe('The same of the time that they waited for upstream servers'),
};

/** The `expect` key. */
export const expectSettings = z
  .strictObject({
    ...requestExpectations,
    routes: z
      .record(z.string(), z.strictObject(requestExpectations))
      .default({})
      .describe('The same for single routes, by their pattern, or other'),
    sample: z
      .int()
      .min(1)
      .default(1)
      .describe('With fewer requests in the window, shares and quantiles are not judged'),
    silence: duration.optional().describe('How long the log may be without a new line'),
    clients: counts.optional().describe('Different clients in the lines of the run'),
    connections: counts.optional().describe('Different connections in the lines of the run'),
    window: z
      .strictObject({ clients: counts.optional(), connections: counts.optional() })
      .optional()
      .describe('The same of the window'),
    unparsed: maxShare.optional().describe('Share of the lines of the run that did not parse'),
    lag: duration.optional().describe('How old the newest line of the run may be'),
  })
  .prefault({})
  .describe('What makes a run up');

export type ExpectSettings = z.output<typeof expectSettings>;
export type RequestExpectations = Pick<ExpectSettings, keyof typeof requestExpectations>;
