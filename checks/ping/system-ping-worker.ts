import { parentPort, workerData } from 'node:worker_threads';
import ping from 'ping';

export interface SystemPingJob {
  /** A literal address. */
  readonly address: string;
  readonly count: number;
  /** Flags for the system's program. */
  readonly options: readonly string[];
}

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- given by the one who starts this thread
const { address, count, options } = workerData as SystemPingJob;
// What the package would say of size and wait, in whole seconds, the flags say again and better: the last wins.
const config = { numeric: true, v6: false, min_reply: count, extra: [...options] };
const { output } = await ping.promise.probe(address, config);
parentPort?.postMessage(output);
