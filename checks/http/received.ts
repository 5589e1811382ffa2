import type { TlsFacts } from '../net/certificate.ts';
import type { Phases } from '../net/phases.ts';
import type { Download } from './download.ts';
import type { Response } from './exchange/reception.ts';

/** Everything expectations and values are judged by. */
export interface Received {
  readonly response: Response;
  readonly download: Download;
  /** Whether the body came to its end. */
  readonly complete: boolean;
  readonly tls: TlsFacts | undefined;
  readonly phases: Phases;
  readonly totalMs: number;
  readonly unixMs: number;
}

/** Bytes a second while the body came; undefined when it came in one piece and so in no time. */
export function throughputOf({ download, phases }: Received): number | undefined {
  const seconds = (phases.get('transfer') ?? 0) / 1000;
  return download.pieces > 1 && seconds > 0 ? download.received / seconds : undefined;
}

/** The charset the answer names, or UTF-8. */
export function charsetOf(response: Response): string {
  const [, charset] = /charset\s*=\s*"?([\w-]+)/i.exec(headerText(response, 'content-type')) ?? [];
  return charset ?? 'utf-8';
}

/** A header's value, several of the same name joined; empty when it is not there. */
export function headerText(response: Response, name: string): string {
  const value = response.headers[name];
  return typeof value === 'string' ? value : (value ?? []).join(', ');
}
