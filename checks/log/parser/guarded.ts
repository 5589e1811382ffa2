import { Script, createContext } from 'node:vm';
import type { LineParser } from './line.ts';

/** How long one line may take. */
const lineTimeoutMs = 200;

/**
 * A parser that gives a line up after a while. That makes it slow, so it is used only for a log that
 * has stalled before, to get over the line at which it did.
 */
export class GuardedParser implements LineParser {
  readonly line;
  readonly mayStall = false;
  readonly #parser: LineParser;
  readonly #context = createContext({ run: (): void => undefined });
  /** The only way to end a regular expression that would run for ever: a timeout around a script. */
  readonly #script = new Script('run()');
  /** How many lines were given up. */
  stalledLines = 0;

  constructor(parser: LineParser) {
    this.#parser = parser;
    this.line = parser.line;
  }

  begin(bytes: Buffer): void {
    this.#parser.begin(bytes);
  }

  parse(bytes: Buffer, start: number, end: number): boolean {
    let parsed = false;
    this.#context['run'] = (): void => {
      parsed = this.#parser.parse(bytes, start, end);
    };
    try {
      this.#script.runInContext(this.#context, { timeout: lineTimeoutMs });
    } catch {
      this.stalledLines++;
      return false;
    }
    return parsed;
  }
}
