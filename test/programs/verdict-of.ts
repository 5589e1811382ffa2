/** One run of a check as a process, for where the tests themselves are not: `node verdict-of.ts TYPE TARGET`. */
import { checkTypes } from '#checks/registry';
import { runCheck } from '../support/checks/run-check.ts';

const [name, target = ''] = process.argv.slice(2);
const type = checkTypes.find((candidate) => candidate.type === name);
if (type === undefined) throw new Error(`there is no type of check ${name}`);
const { verdict } = await runCheck(type, target, {}, { timeoutMs: 4000 });
process.stdout.write(JSON.stringify(verdict));
