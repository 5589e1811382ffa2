import type { CheckType } from './check.ts';
import { dns } from './dns.ts';
import { http } from './http.ts';
import { log } from './log.ts';
import { ping } from './ping.ts';
import { tcp } from './tcp.ts';
import { tls } from './tls.ts';

/** Every type of check there is, one line each. */
export const checkTypes: readonly CheckType[] = [http, ping, tcp, tls, dns, log];
