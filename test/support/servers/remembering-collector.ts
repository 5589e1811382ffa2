import type { Behaviour, RecordedRequest } from './recording-collector.ts';

export type Trouble = 'none' | 'busy' | 'lost answer' | 'reset';

/**
 * The memory of a Farpoint collector: how far it holds each outbox, by kind of request. What it holds
 * already it does not take again. `trouble` says what happens to a request or to its answer.
 */
export class Memory {
  /** What was taken, each request once. */
  readonly taken: RecordedRequest[] = [];
  readonly #through = new Map<string, number>();
  readonly #trouble: () => Trouble;

  constructor(trouble: () => Trouble = () => 'none') {
    this.#trouble = trouble;
  }

  readonly behave: Behaviour = (request) => {
    const { kind, headers } = request;
    const sequence = headers['farpoint-sequence'];
    if (sequence === undefined) return {};
    const trouble = this.#trouble();
    if (trouble === 'reset') return 'reset';
    if (trouble === 'busy') return { status: 503 };
    const [first = 0, last = 0] = String(sequence).split('-').map(Number);
    const key = `${kind} ${String(headers['farpoint-outbox'])}`;
    const held = this.#through.get(key) ?? 0;
    if (held >= first) return { headers: { 'farpoint-accepted-through': String(held) } };
    this.#through.set(key, last);
    this.taken.push(request);
    if (trouble === 'lost answer') return 'reset';
    return { headers: { 'farpoint-accepted-through': String(last) } };
  };
}
