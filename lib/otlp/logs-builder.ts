import type { AttributeBuilder } from './attributes.ts';
import { type DecodeLimits, type Problem, Rejections, TooManyError } from './limits.ts';
import type { Attributes, LogRecord } from './model.ts';

/** The flat records of one export request, and what was left out. */
export interface DecodedLogs {
  readonly records: readonly LogRecord[];
  readonly rejected: Rejections;
}

/** One log record as it is on the wire. */
export interface WireRecord extends Omit<LogRecord, 'resource' | 'attributes'> {
  readonly attributes: AttributeBuilder;
  readonly observedUnixNano: bigint;
}

/** Makes flat records of what a decoder, binary or JSON, finds; decides what cannot be one. */
export class LogsBuilder {
  readonly limits: DecodeLimits;
  readonly #records: LogRecord[] = [];
  readonly #rejected = new Rejections();
  #resource: Attributes = {};
  #resourceProblem: Problem | undefined;

  constructor(limits: DecodeLimits) {
    this.limits = limits;
  }

  /** The records that follow belong to this resource. */
  enterResource(attributes: AttributeBuilder): void {
    this.#resource = attributes.values;
    this.#resourceProblem = attributes.problem;
  }

  /** A record without a time of its own has the one at which it was observed (logs.proto). */
  add(record: WireRecord): void {
    const problem =
      this.#resourceProblem ?? record.attributes.problem ?? problemOfRecord(record, this.limits);
    if (problem !== undefined) {
      this.#rejected.add(problem.reason, 1, problem.example);
      return;
    }
    if (this.#records.length === this.limits.items) {
      throw new TooManyError(`more than ${this.limits.items} log records in one message`);
    }
    const { timeUnixNano, observedUnixNano, severityNumber, severityText, body } = record;
    this.#records.push({
      resource: this.#resource,
      timeUnixNano: timeUnixNano === 0n ? observedUnixNano : timeUnixNano,
      severityNumber,
      severityText,
      body,
      attributes: record.attributes.values,
    });
  }

  finish(): DecodedLogs {
    return { records: this.#records, rejected: this.#rejected };
  }
}

function problemOfRecord(record: WireRecord, limits: DecodeLimits): Problem | undefined {
  const { body, severityText } = record;
  if (body.length <= limits.value && severityText.length <= limits.name) return undefined;
  const example = `log body of ${body.length} characters, the limit is ${limits.value}`;
  return { reason: 'too_long', example };
}
