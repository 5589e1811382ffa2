import { type CheckType } from './check.ts';
import { http } from './http.ts';
import { log } from './log.ts';
import { ping } from './ping.ts';

/** Every type of check there is, one line each. */
export const checkTypes: readonly CheckType[] = [http, ping, log];
