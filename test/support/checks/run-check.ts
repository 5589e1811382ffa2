import { setTimeout as delay } from 'node:timers/promises';
import type { CheckServices, CheckType } from '#checks/check';
import type { Observation } from '#lib/observation';

const resources = new Map<string, Promise<unknown>>();

/** The real time, and what checks share: once for all tests of a file. */
export const services: CheckServices = {
  clock: {
    unixMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    sleep: (ms, signal) => delay(ms, undefined, { signal }),
  },
  shared: async <T extends AsyncDisposable>(name: string, open: () => Promise<T>) => {
    if (!resources.has(name)) resources.set(name, open());
    return (await resources.get(name)) as T;
  },
};

export interface RunOptions {
  readonly timeoutMs?: number;
  readonly services?: CheckServices;
}

/** Makes a check from its settings as written, runs it once and disposes of it. */
export async function runCheck(
  type: CheckType,
  target: string,
  settings: object = {},
  options: RunOptions = {},
): Promise<Observation> {
  const timeoutMs = options.timeoutMs ?? 10_000;
  const spec = { name: 'under-test', target, settings: type.settings.parse(settings), timeoutMs };
  await using check = disposable(await type.create(spec, options.services ?? services));
  return await check.run({
    signal: AbortSignal.timeout(timeoutMs),
    state: undefined,
    waiting: () => undefined,
  });
}

/** Measured values by name, with their attributes: `probe.http.duration{phase=tls}`. */
export function valuesOf({ measurements }: Observation): Record<string, unknown> {
  return Object.fromEntries(
    measurements.map(({ metric, value, attributes }) => {
      const labels = Object.entries(attributes ?? {}).map(([name, text]) => `${name}=${text}`);
      return [labels.length > 0 ? `${metric.name}{${labels.join(',')}}` : metric.name, value];
    }),
  );
}

function disposable<T extends Partial<AsyncDisposable>>(check: T): T & AsyncDisposable {
  return Object.assign(check, {
    [Symbol.asyncDispose]: check[Symbol.asyncDispose]?.bind(check) ?? (async () => undefined),
  });
}
