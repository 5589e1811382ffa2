import { history } from './history.ts';
import { prometheus } from './prometheus.ts';
import type { SinkType } from './sink.ts';

/** Every type of sink there is, one line each. */
export const sinkTypes: readonly SinkType[] = [history, prometheus];
