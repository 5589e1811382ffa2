import type { Attributes } from '../otlp/model.ts';

/** Who looked at what: names all series of a result. */
export interface Subject {
  readonly check: string;
  readonly type: string;
  /** Becomes `service.name`, and so `job` in Prometheus. */
  readonly service: string;
  /** As written in the configuration; becomes `service.instance.id`, and so `instance`. */
  readonly target: string;
  readonly region: string;
  readonly agent: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What all points and records of one result have in common. */
export interface Origin {
  readonly resource: Attributes;
  readonly identity: Attributes;
  readonly timeUnixNano: bigint;
}

export function originOf({ service, target, labels, ...subject }: Subject, unixMs: number): Origin {
  const { check, type, region, agent } = subject;
  return {
    resource: { 'service.name': service, 'service.instance.id': target },
    identity: { ...labels, check, type, region, agent },
    timeUnixNano: toNano(unixMs),
  };
}

export function toNano(unixMs: number): bigint {
  return BigInt(unixMs) * 1_000_000n;
}
