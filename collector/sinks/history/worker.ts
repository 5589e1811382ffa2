/** The thread that has the file. It does one call after the other, in the order they come. */
import { parentPort, workerData } from 'node:worker_threads';
import { selectRuns, selectTargets } from './queries.ts';
import { HistoryStore } from './store.ts';
import type { Call, Commands, Outcome } from './thread.ts';

const store = new HistoryStore(workerData.path);

const commands: Commands = {
  open: () => undefined,
  write: (runs, expireBeforeUnixMs) => {
    store.write(runs);
    if (expireBeforeUnixMs !== undefined) store.expire(expireBeforeUnixMs);
  },
  selectRuns: (query) => selectRuns(store.database, query),
  selectTargets: (query) => selectTargets(store.database, query),
  close: () => store[Symbol.dispose](),
};

parentPort?.on('message', (call: Call) => {
  parentPort?.postMessage(outcomeOf(call));
  if (call.command === 'close') parentPort?.close();
});

function outcomeOf({ id, command, parameters }: Call): Outcome {
  try {
    return { id, result: Reflect.apply(commands[command], undefined, parameters) };
  } catch (error) {
    return { id, error: describe(error) };
  }
}

/** A thread's errors lose what is not standard on their way to another one. */
function describe(error: unknown): { message: string; sqliteCode: number | undefined } {
  const { message = String(error), errcode } = (error ?? {}) as Partial<
    Error & { errcode: number }
  >;
  return { message, sqliteCode: errcode };
}
