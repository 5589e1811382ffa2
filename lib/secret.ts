import { inspect } from 'node:util';

const mask = '***';

/**
 * A value that cannot be printed by accident: string conversion, JSON, template literals, the
 * debugger's inspect and loggers all show `***`. Only `reveal()` gives it out.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return mask;
  }

  toJSON(): string {
    return mask;
  }

  [inspect.custom](): string {
    return mask;
  }
}
