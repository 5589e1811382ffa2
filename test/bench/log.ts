/**
 * Reading a log: MB per CPU second for counting status classes, different clients and a histogram of
 * request times, with every line validated; beside mawk, mtail, goaccess and `wc -l` in the same run.
 * The others get a part of the log where they would take too long.
 *
 *     node test/bench/log.ts [MIB] [ROUNDS]
 *     node test/bench/log.ts read FILE
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogReader } from '#checks/log/reader';
import { accessLogSettings, writeAccessLog } from '#test/support/log/access-log';

const folder = mkdtempSync(join(tmpdir(), 'farpoint-bench-'));
const whole = join(folder, 'access.log');
const part = join(folder, 'part.log');
const bounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

const mtailProgram = `
counter requests by class
counter by_client by client
histogram seconds buckets ${bounds.join(', ')}
/^(?P<client>\\S+) - \\S+ \\[[^\\]]+\\] "[^"]*" (?P<class>[1-5])\\d\\d \\d+ "[^"]*" "[^"]*" (?P<time>\\d+\\.\\d+)$/ {
  requests[$class]++
  by_client[$client]++
  seconds = $time
}
`;
const awkProgram = `
/^[^ ]+ - [^ ]+ \\[[^\\]]+\\] "[^"]*" [1-5][0-9][0-9] [0-9]+ "[^"]*" "[^"]*" [0-9]+\\.[0-9]+$/ {
  clients[$1] = 1; class[substr($(NF > 8 ? 9 : NF), 1, 1)]++
  time = $NF; bucket = 0; while (bucket < n && time > bound[bucket]) bucket++; histogram[bucket]++; next
}
{ bad++ }
`;

if (process.argv[2] === 'read') await read(process.argv[3] ?? '');
else await compare(...process.argv.slice(2).map(Number));
rmSync(folder, { recursive: true });

async function compare(mebibytes = 512, rounds = 3): Promise<void> {
  const partSize = Math.min(mebibytes, 64);
  writeAccessLog(whole, mebibytes * 2 ** 20);
  writeAccessLog(part, partSize * 2 ** 20);
  writeFileSync(join(folder, 'log.mtail'), mtailProgram);
  const contestants: readonly (readonly [
    name: string,
    mebibytes: number,
    command: readonly string[],
  ])[] = [
    ['wc -l', mebibytes, ['wc', '-l', whole]],
    ['farpoint', mebibytes, [process.execPath, import.meta.filename, 'read', whole]],
    ['mawk', mebibytes, awk()],
    [
      'mtail',
      partSize,
      ['mtail', '--one_shot', '--progs', join(folder, 'log.mtail'), '--logs', part],
    ],
    ['goaccess', partSize, goaccess()],
  ];
  const rates = new Map<string, number[]>();
  for (let round = 0; round < rounds; round++) {
    for (const [name, size, command] of contestants) {
      const rate = (size * 2 ** 20) / 1e6 / cpuSeconds(command);
      rates.set(name, [...(rates.get(name) ?? []), rate]);
    }
  }
  const ours = median(rates.get('farpoint') ?? []);
  for (const [name, measured] of rates) {
    const rate = median(measured);
    console.log(
      `${name.padEnd(9)} ${rate.toFixed(0).padStart(6)} MB per CPU second; farpoint is ${(ours / rate).toFixed(2)} x`,
    );
  }
}

/** User and system time of a command, its start included. What it says on standard output is shown if it is ours. */
function cpuSeconds(command: readonly string[]): number {
  const timed = 'TIMEFORMAT="cpu %U %S"; time "$@"';
  const { stdout, stderr } = spawnSync('bash', ['-c', timed, 'bash', ...command], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (stdout.startsWith('read')) process.stdout.write(stdout);
  const [, user, system] = /cpu ([\d.]+) ([\d.]+)/.exec(stderr) ?? [];
  return Number(user) + Number(system);
}

async function read(target: string): Promise<void> {
  using reader = new LogReader(accessLogSettings(target, 300_000));
  const order = { state: undefined, nowMs: Date.now(), budgetMs: 600_000, careful: false };
  const begun = process.cpuUsage();
  const { gains, backlogBytes } = await reader.read(order, new AbortController().signal);
  const { user, system } = process.cpuUsage(begun);
  if (gains.lines.unparsed > 0 || backlogBytes > 0) throw new Error('not all lines were parsed');
  const { parsed } = gains.lines;
  const rate = (gains.bytes.parsed / (user + system)).toFixed(0);
  const resident = Math.round(process.memoryUsage().rss / 1e6);
  console.log(
    `read ${parsed} lines, ${gains.clients.count} clients: ${rate} MB per CPU second, ${resident} MB resident`,
  );
}

function awk(): readonly string[] {
  const numbered = bounds.map((bound, index) => `bound[${index}] = ${bound}`).join('; ');
  return ['mawk', `BEGIN { n = ${bounds.length}; ${numbered} } ${awkProgram}`, whole];
}

function goaccess(): readonly string[] {
  const format = '--log-format=%h %^[%d:%t %^] "%r" %s %b "%R" "%u" %T';
  const formats = [format, '--date-format=%d/%b/%Y', '--time-format=%T'];
  return ['goaccess', part, ...formats, '-o', join(folder, 'goaccess.json')];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
