/** One http check as a process, for where the tests themselves are not: `node verdict-of.ts URL`. */
import { http } from '#checks/http';
import { runCheck } from '../support/run-check.ts';

const { verdict } = await runCheck(http, process.argv[2] ?? '', {}, { timeoutMs: 4000 });
process.stdout.write(JSON.stringify(verdict));
