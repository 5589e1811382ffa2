import { z } from 'zod';
import { validateHostPort } from '#checks/net/host-port';
import { egressSettings } from '#checks/net/egress';
import { icmpSettings } from '#checks/ping/settings';
import { headerValue } from '#lib/http-header';
import { damageOf } from '#lib/key';
import { logLevels } from '#lib/log';
import { duration, line, name, size, version } from '#lib/scalars';

const collectorUrl = line
  .refine(isCollectorUrl, 'expected http://host:port or https://host, without credentials')
  .describe('Base address; /v1/metrics and /v1/logs are appended');

const canary = z
  .union([
    z.enum(['gateway', 'resolver']),
    line.refine(
      (text) => validateHostPort(text) === undefined,
      'expected gateway, resolver, or host:port',
    ),
  ])
  .describe(
    "The default gateway, the system's name server, or a host and port that accept connections",
  );

/** Keys of this process; the fleet's keys stand beside them in the same file. */
export const agentShape = {
  version,
  agent: z
    .strictObject({
      region: name.describe('Where this agent is: one of regions'),
      name: name.optional().describe('Stable name, never a container id; the region where absent'),
      only: z
        .union([line, z.array(name).min(1)])
        .transform((only) =>
          typeof only === 'string' ? only.split(/[\s,]+/).filter(Boolean) : only,
        )
        .optional()
        .describe('The only checks to run, of those for its region; a list, or names with commas'),
      data: line
        .default('/var/lib/farpoint')
        .describe('Folder of the outbox and of log positions; locked by one process'),
      outbox: z
        .strictObject({
          size: size
            .prefault('1GiB')
            .describe('What may wait for the collector, in bytes on disk…'),
          age: duration
            .prefault('7d')
            .describe('…and in time; beyond, the oldest is dropped and counted'),
        })
        .prefault({}),
      canaries: z
        .array(canary)
        .default(['gateway', 'resolver'])
        .describe(
          "What is asked when a target is silent: where it is silent too, the agent's own network is gone and the target unknown; [] asks nothing",
        ),
      egress: egressSettings.prefault({}),
      icmp: icmpSettings.prefault({}),
    })
    .describe('This process'),
  collector: z
    .strictObject({
      urls: z.array(collectorUrl).min(1).describe('Any OTLP/HTTP endpoint; tried in this order'),
      key: headerValue
        .superRefine((key, context) => {
          const message = damageOf(key.reveal());
          if (message !== undefined) context.addIssue({ code: 'custom', message });
        })
        .optional()
        .describe('id.secret, printed by farpoint key new'),
    })
    .describe('Where results go'),
  log: z
    .strictObject({ level: z.enum(logLevels).default('info') })
    .prefault({})
    .describe('What is logged, as JSON lines on standard output'),
};

/** Keys a later version will have: refused by name until then. */
export const notBuiltKeys: readonly string[] = ['egress'];
export const notBuiltCheckKeys: readonly string[] = ['confirm'];

function isCollectorUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !['http:', 'https:'].includes(url.protocol)) return false;
  return url.username === '' && url.password === '' && url.search === '' && url.hash === '';
}
