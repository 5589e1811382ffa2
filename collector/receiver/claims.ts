import type { Attributes, AttributeValue } from '#lib/otlp/model';
import type { Identity } from '../keys.ts';

/** Who a set of attributes says it is from, held against what the key may say. */
export interface Claim {
  /** With the identity that was missing; the object that was sent where none was. */
  readonly attributes: Attributes;
  /** Undefined where neither the sender nor its key says. */
  readonly agent: string | undefined;
  readonly region: string | undefined;
  /** What is wrong with it, as a sentence. */
  readonly problem: string | undefined;
}

/** Judges the attributes of one request, each distinct object once. */
export class Claims {
  readonly #identity: Identity;
  readonly #known = new Map<Attributes, Claim>();

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  of(attributes: Attributes): Claim {
    const known = this.#known.get(attributes);
    if (known !== undefined) return known;
    const claim = judge(attributes, this.#identity);
    this.#known.set(attributes, claim);
    return claim;
  }
}

function judge(sent: Attributes, identity: Identity): Claim {
  let attributes = sent;
  const settled: { agent?: string; region?: string } = {};
  for (const { label, allowed } of bindings(identity)) {
    const value = sent[label] ?? onlyOf(allowed);
    if (value === undefined) continue;
    if (typeof value !== 'string' || !allowed.includes(value)) {
      return { ...unsettled, attributes: sent, problem: problemOf(label, value, identity) };
    }
    settled[label] = value;
    if (sent[label] === undefined) attributes = { ...attributes, [label]: value };
  }
  return { ...unsettled, ...settled, attributes };
}

const unsettled = { agent: undefined, region: undefined, problem: undefined };

function bindings({ agents, regions }: Identity) {
  return [
    { label: 'agent', allowed: agents },
    { label: 'region', allowed: regions },
  ] as const;
}

/** The only one there is: a key for exactly one agent or region leaves no doubt. */
export function onlyOf(names: readonly string[]): string | undefined {
  return names.length === 1 ? names[0] : undefined;
}

function problemOf(label: string, value: AttributeValue, { keyId }: Identity): string {
  return `key ${keyId} may not speak for ${label} ${JSON.stringify(String(value).slice(0, 64))}`;
}
