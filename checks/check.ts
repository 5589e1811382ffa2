import type { z } from 'zod';
import type { Clock } from '#lib/clock';
import type { MetricDeclaration, Observation } from '#lib/observation';
import type { EgressPolicy } from './net/egress.ts';

/** What a check is given for one execution. */
export interface Run {
  /** Aborts at the run's deadline (reason: a TimeoutError) or when the agent stops (an AbortError). */
  readonly signal: AbortSignal;
  /** The state of the last observation that reached the disk; undefined at the very first run. */
  readonly state: unknown;
  /**
   * Says that the CPU-heavy start is over and the run only waits from here on, so that another may
   * start. Optional: the agent assumes it after 5 ms.
   */
  waiting(): void;
}

/**
 * One target, looked at by one check. `run` never rejects for anything the target or the network
 * did: that is a verdict. It has no timer of its own for the whole run, no OTLP and no logger. On
 * abort it settles promptly: a run cut off at its deadline still tells the phase it was in.
 */
export interface Check extends Partial<AsyncDisposable> {
  run(run: Run): Promise<Observation>;
}

/** What the agent lends to every check. */
export interface CheckServices {
  readonly clock: Clock;
  /** One instance a process for what all checks of a type share (a socket, a worker); disposed with the agent. */
  shared<T extends AsyncDisposable>(name: string, open: () => Promise<T>): Promise<T>;
  /** Where checks may connect to; absent: the default policy. */
  readonly egress?: EgressPolicy;
  /** Packets a second that all ping checks together may send; absent: the default. */
  readonly packetsPerSecondMax?: number;
  /** Tells whoever runs this process, once, what something shared found out about this host. */
  readonly notice?: (message: string, facts: Readonly<Record<string, string>>) => void;
}

/** Which target to look at and how, as configured. */
export interface CheckSpec<Settings> {
  readonly name: string;
  /** The target as written in the configuration. */
  readonly target: string;
  readonly settings: Settings;
  /** Deadline of a whole run. */
  readonly timeoutMs: number;
}

/**
 * Everything about one type of check, in one file: settings (validation, defaults, JSON Schema and
 * documentation come from the zod object), metrics, and how to make one. `create` imports heavy
 * engines lazily.
 */
export interface CheckType<Shape extends z.ZodRawShape = z.ZodRawShape> {
  readonly type: string;
  /** One sentence for the documentation. */
  readonly summary: string;
  /**
   * The keys this type adds to the ones every check has. A type with deadlines of its own declares
   * `timeout` as an optional object of them, `total` among them; it is given the key only when it is
   * written as one, and the configuration reads `total` as the deadline of the whole run.
   */
  readonly settings: z.ZodObject<Shape>;
  /** Dotted paths (`*` for an index) of keys of a later version: refused by name until then. */
  readonly notBuilt?: readonly string[];
  readonly metrics: readonly MetricDeclaration[];
  /** Says what is wrong with a target as written, or undefined when it is fine. Touches no network. */
  validateTarget(target: string): string | undefined;
  /**
   * Says what is wrong with settings that are each right but do not go together, or with the deadline
   * of a whole run; and at which of them.
   */
  validateTogether?(
    settings: z.output<z.ZodObject<Shape>>,
    timeoutMs: number,
  ): { readonly path: readonly string[]; readonly message: string } | undefined;
  create(spec: CheckSpec<z.output<z.ZodObject<Shape>>>, services: CheckServices): Promise<Check>;
}

/** Declares a check type; add it to checks/registry.ts. */
export function defineCheck<Shape extends z.ZodRawShape>(type: CheckType<Shape>): CheckType {
  return type;
}
