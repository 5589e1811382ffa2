import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Check } from '#checks/check';
import { log } from '#checks/log';
import { LogThread } from '#checks/log/thread';
import type { Observation } from '#lib/observation';
import { services } from '../checks/run-check.ts';

/** The time that tests of logs take place at. */
export const logTestMs = Date.UTC(2026, 10, 22, 10, 0, 0);

/**
 * One for all tests of a file. Under the sources of TypeScript, which is stripped by WebAssembly, V8 crashes now
 * and then where many threads start and end (in FreeDeadCode of its WasmEngine); what is published has none.
 */
const thread = new LogThread();

/** A log check that is run again and again, with the state that a disk would have kept. */
export class FollowedLog implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'farpoint-log-'));
  readonly path = join(this.folder, 'access.log');
  nowMs = logTestMs;
  state: unknown;
  readonly #settings: object;
  readonly #target: string;
  #check: Check | undefined;

  constructor(settings: object = {}, target = 'access.log') {
    this.#settings = settings;
    this.#target = join(this.folder, target);
  }

  /** A run whose observation reaches the disk. */
  async run(timeoutMs?: number): Promise<Observation> {
    const observation = await this.runInVain(timeoutMs);
    if (observation.state !== undefined) this.state = JSON.parse(JSON.stringify(observation.state));
    return observation;
  }

  /** A run whose observation does not. */
  async runInVain(timeoutMs = 5000): Promise<Observation> {
    this.#check ??= await this.#create(timeoutMs);
    const signal = AbortSignal.timeout(timeoutMs);
    return this.#check.run({ signal, state: this.state, waiting: () => undefined });
  }

  /** What a restart of the agent leaves: the state. */
  async restart(): Promise<void> {
    await this.#check?.[Symbol.asyncDispose]?.();
    this.#check = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.restart();
    rmSync(this.folder, { recursive: true });
  }

  async #create(timeoutMs: number): Promise<Check> {
    const settings = log.settings.parse(this.#settings);
    const spec = { name: 'access', target: this.#target, settings, timeoutMs };
    // oxlint-disable-next-line typescript/no-unsafe-return -- one thread stands for whatever is shared
    return log.create(spec, {
      ...services,
      clock: { ...services.clock, unixMs: () => this.nowMs },
      shared: async () => thread as never,
    });
  }
}

interface Line {
  readonly client?: string;
  /** Seconds before the time of the tests. */
  readonly age?: number;
  readonly request?: string;
  readonly status?: number;
  readonly sent?: number;
  /** What the format has behind the combined one. */
  readonly rest?: string;
}

/** A line as nginx writes it. */
export function logLine(line: Line = {}): string {
  const {
    client = '192.0.2.7',
    age = 0,
    request = 'GET / HTTP/1.1',
    status = 200,
    sent = 1,
    rest = '',
  } = line;
  const [, day, month, year, time] =
    /, (\d\d) (\w{3}) (\d{4}) ([\d:]+)/.exec(new Date(logTestMs - age * 1000).toUTCString()) ?? [];
  return `${client} - - [${day}/${month}/${year}:${time} +0000] "${request}" ${status} ${sent} "-" "curl/8"${rest}\n`;
}
