import { z } from 'zod';
import { duration } from '#lib/scalars';
import { resolveSettings } from '../net/resolve-settings.ts';

const atLeast10ms = duration.refine((ms) => ms >= 10, 'expected at least 10ms');

/** What all ping checks of a process may send together, unless it is configured. */
export const packetsPerSecondDefault = 2000;

/** The `icmp` key of an agent. */
export const icmpSettings = z.strictObject({
  rate: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(packetsPerSecondDefault)
    .describe('Packets a second that all ping checks together may send; they are spread evenly'),
});

/** The keys of a `ping` check beside those every check has. */
export const pingSettings = z.strictObject({
  ...resolveSettings,
  count: z.int().min(1).max(1000).default(3).describe('Packets a run sends'),
  gap: atLeast10ms.prefault('50ms').describe('Time from one packet to the next; at least 10ms'),
  wait: atLeast10ms
    .prefault('1s')
    .describe('How long a packet waits for its reply before it counts as lost'),
  size: z
    .int()
    .min(16)
    .max(65_507)
    .default(56)
    .describe('Bytes of payload, after the eight of the ICMP header'),
  ttl: z
    .int()
    .min(1)
    .max(255)
    .optional()
    .describe('Time to live (IPv4) or hop limit (IPv6) of the packets'),
  fragment: z
    .boolean()
    .default(true)
    .describe('Whether packets may be fragmented on their way; false finds a path MTU too small'),
  source: z.string().min(1).optional().describe('Local address or network interface to send from'),
  expect: z
    .strictObject({
      loss: z
        .strictObject({ max: z.number().min(0).max(1).describe('Share of packets, from 0 to 1') })
        .optional()
        .describe('How much loss is up; without it everything but the loss of all packets'),
      rtt: z
        .strictObject({ median: duration.describe('Upper limit of the median round trip') })
        .optional()
        .describe('How slow is up'),
    })
    .prefault({})
    .describe('What makes a run up'),
});

export type PingSettings = z.output<typeof pingSettings>;
