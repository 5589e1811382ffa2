import { z } from 'zod';
import type { TlsFacts } from './certificate.ts';
import { Failure } from './failure.ts';

const dayMs = 86_400_000;

/** The `certificate` key of expectations. */
export const certificateSettings = z
  .strictObject({ days: z.number().min(0).describe('Days that must be left') })
  .describe('How long every certificate that is sent must still be valid');

/** Judges how soon the first certificate of the chain expires. */
export function judgeExpiry(
  tls: TlsFacts,
  expected: z.output<typeof certificateSettings> | undefined,
  unixMs: number,
): Failure | undefined {
  const days = (tls.earliestNotAfterMs - unixMs) / dayMs;
  if (expected === undefined || days >= expected.days) return undefined;
  const end = new Date(tls.earliestNotAfterMs).toISOString();
  return Failure.down(
    'cert_expiring',
    `the certificate of ${tls.earliestSubject} expires in ${days.toFixed(1)} days (${end}), expected at least ${expected.days}`,
  );
}
