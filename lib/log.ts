import { pino, type DestinationStream, type Logger } from 'pino';

export type { Logger } from 'pino';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** Fields every line carries, for example the agent's name. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Where lines go; standard output when absent. */
  readonly destination?: DestinationStream;
}

/**
 * JSON lines: `time` (RFC 3339), `level` (a word), `message`, then the fields. The message is
 * constant, what varies is in fields. Values under names that carry credentials are masked at the
 * top and one level down, as a second net below `Secret`, which masks itself wherever it is.
 */
export function createLog({ level, fields = {}, destination }: LogOptions): Logger {
  const options = {
    level,
    base: fields,
    messageKey: 'message',
    errorKey: 'error',
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: { paths: credentialNames.flatMap((name) => [name, `*.${name}`]), censor: '***' },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

const credentialNames = [
  'authorization',
  'Authorization',
  'cookie',
  'Cookie',
  'password',
  'secret',
  'token',
  'bearer',
];
