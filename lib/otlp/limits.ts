import { DecodeError } from '#lib/protobuf/reader';

/** What a decoder accepts. A point or record beyond it is rejected, with its reason, and the rest is kept. */
export interface DecodeLimits {
  /** Points or records in one message; more of them are a TooManyError, since memory must have a bound. */
  readonly items: number;
  /** Attributes of one point or record, its resource's not counted. */
  readonly attributes: number;
  /** Length of a metric's or an attribute's name, in UTF-16 units. */
  readonly name: number;
  /** Length of an attribute's value or a log record's body as text, in UTF-16 units. */
  readonly value: number;
  /** Buckets of one histogram. */
  readonly buckets: number;
}

/** For what was accepted once already, and may not be lost to limits that were lowered since. */
export const noLimits: DecodeLimits = {
  items: Infinity,
  attributes: Infinity,
  name: Infinity,
  value: Infinity,
  buckets: Infinity,
};

/** A resource is not a label set, and SDKs describe host, process and cluster in it. */
export const resourceAttributesMax = 128;

/** How deep attribute values may nest. */
export const valueDepthMax = 16;

/** Well-formed, but too much for one message: the sender is to split it. */
export class TooManyError extends DecodeError {}

/** Why a decoder leaves a point or record out; bounded, so that it can be a label. */
export const decodeRejections = [
  'malformed',
  'delta',
  'unsupported_kind',
  'too_many_attributes',
  'too_long',
  'too_many_buckets',
] as const;
export type DecodeRejection = (typeof decodeRejections)[number];

/** What is wrong with a point or record, for the statistics and for a person. */
export interface Problem {
  readonly reason: DecodeRejection;
  readonly example: string;
}

export interface RejectionDetail {
  readonly count: number;
  /** What was wrong with the first of them, for a person. */
  readonly example: string;
}

/** What was left out of a message, by reason. */
export class Rejections<Reason extends string = DecodeRejection> {
  readonly reasons = new Map<Reason, RejectionDetail>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(reason: Reason, count: number, example: string): void {
    if (count === 0) return;
    const known = this.reasons.get(reason);
    this.reasons.set(reason, {
      count: (known?.count ?? 0) + count,
      example: known?.example ?? example,
    });
    this.#count += count;
  }
}
