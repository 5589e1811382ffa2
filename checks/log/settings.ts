import { z } from 'zod';
import { duration, size } from '#lib/scalars';
import { otherRoute, routeProblem } from './counts/routes.ts';
import { type Format, hasField, hasRole } from './parser/format.ts';
import {
  type ExpectSettings,
  type RequestExpectations,
  expectSettings,
} from './settings/expect.ts';
import { formatSettings } from './settings/format.ts';
import { valuesSettings } from './settings/values.ts';

const route = z.string().superRefine((pattern, context) => {
  const message = routeProblem(pattern);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

/** The keys of a log check beside the ones every check has. */
export const logSettings = z
  .strictObject({
    format: formatSettings,
    start: z
      .enum(['end', 'beginning'])
      .default('end')
      .describe(
        'Where the very first run starts: at the end of the log, or with the oldest file that was rotated; later ones go on where the last one stopped',
      ),
    rotated: z
      .array(z.string().startsWith('/', 'expected an absolute path, or a pattern of such paths'))
      .default([])
      .describe(
        'Where rotated files are, if not beside the log with its name and a number or date',
      ),
    line: size
      .refine((bytes) => bytes >= 256 && bytes <= 1024 ** 2, 'expected 256B to 1MiB')
      .prefault('64KiB')
      .describe('A longer line is not parsed but counted as oversize'),
    routes: z
      .array(route)
      .max(100)
      .default([])
      .describe(
        'Patterns of paths to tell apart, such as /datasets/:id or /static/*; the rest is the route other',
      ),
    clients: z
      .strictObject({
        field: z
          .string()
          .min(1)
          .optional()
          .describe(
            'The field of the format that says who the client is; behind a proxy http_x_forwarded_for',
          ),
        max: z
          .int()
          .min(1)
          .max(10_000_000)
          .default(1_000_000)
          .describe('How many clients are told apart in a run, and in the window'),
      })
      .prefault({})
      .describe('How clients are counted'),
    values: valuesSettings.default({}),
    window: duration
      .refine((ms) => ms >= 10_000 && ms <= 86_400_000, 'expected 10s to 1d')
      .prefault('5m')
      .describe('How far back expectations and quantiles look, by the times of the lines'),
    expect: expectSettings,
  })
  .superRefine((settings, context) => {
    for (const [path, message] of contradictions(settings)) {
      context.addIssue({ code: 'custom', path: [...path], message });
    }
  });

/** What does not fit together: each with where it is said. */
function* contradictions(settings: {
  readonly format: Format;
  readonly routes: readonly string[];
  readonly clients: { readonly field?: string | undefined };
  readonly values: Readonly<Record<string, { readonly field?: string | undefined }>>;
  readonly expect: ExpectSettings;
}): Generator<[path: readonly string[], message: string]> {
  const { format, routes, clients, values, expect } = settings;
  if (clients.field !== undefined && format.kind !== 'layout') {
    yield [
      ['clients', 'field'],
      'goes with nginx formats; in JSON and regular expressions name it client',
    ];
  } else if (clients.field !== undefined && !hasField(format, clients.field)) {
    yield [['clients', 'field'], `the format has no $${clients.field}`];
  }
  for (const [name, { field = name }] of Object.entries(values)) {
    if (!hasField(format, field))
      yield [['values', name, 'field'], `the format has no field ${field}`];
  }
  for (const route of Object.keys(expect.routes)) {
    if (route !== otherRoute && !routes.includes(route)) {
      yield [['expect', 'routes', route], `${route} is neither among routes nor ${otherRoute}`];
    }
  }
  const ofConnections = expect.connections ?? expect.window?.connections;
  if (ofConnections !== undefined && !hasRole(format, 'connection')) {
    yield [
      ['expect', 'connections'],
      'the format does not have the connection: in nginx $connection',
    ];
  }
  yield* untimed(expect, ['expect'], format);
  for (const [route, expected] of Object.entries(expect.routes)) {
    yield* untimed(expected, ['expect', 'routes', route], format);
  }
}

function* untimed(
  { time, upstream }: RequestExpectations,
  path: readonly string[],
  format: Format,
): Generator<[path: readonly string[], message: string]> {
  if (time !== undefined && !hasRole(format, 'duration')) {
    yield [
      [...path, 'time'],
      'the format does not have the time of requests: in nginx $request_time',
    ];
  }
  if (upstream !== undefined && !hasRole(format, 'upstream')) {
    yield [
      [...path, 'upstream'],
      'the format does not have the time of upstreams: in nginx $upstream_response_time',
    ];
  }
}
