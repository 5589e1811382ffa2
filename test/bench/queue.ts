/**
 * Appends a second and the wait for the acknowledgement, beside node:sqlite (WAL, synchronous FULL,
 * the same natural grouping): 32 producers, each appending as soon as its last block is on disk.
 * Rounds are interleaved, medians reported. CPU is user and system time of the process a block.
 *
 *     node test/bench/queue.ts [ROUNDS] [DIRECTORY]
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createSystemClock } from '#lib/clock';
import { openQueue } from '#lib/queue';
import { GroupCommit } from '#lib/queue/group-commit';

const rounds = Number(process.argv[2] ?? 3);
const parent = process.argv[3] ?? tmpdir();
const producers = 32;
const roundMs = 1500;

interface Store extends AsyncDisposable {
  append(block: Uint8Array): Promise<unknown>;
}

interface Measured {
  readonly blocksPerSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly cpuMicroseconds: number;
}

const contestants: Record<string, (directory: string) => Promise<Store>> = {
  'lib/queue': openFarpoint,
  'node:sqlite': openSqlite,
};

console.log('store         KiB  blocks/s    MB/s  ack p50 ms  ack p99 ms  CPU us/block');
for (const kib of [10, 45, 100]) {
  const measured = new Map<string, Measured[]>();
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, open] of Object.entries(contestants)) {
      measured.set(name, [...(measured.get(name) ?? []), await measure(open, kib * 1024)]);
    }
  }
  for (const [name, results] of measured) print(name, kib, results);
}

async function openFarpoint(directory: string): Promise<Store> {
  const queue = await openQueue({
    directory,
    clock: createSystemClock(),
    consumers: [{ name: 'sink', bytesMax: Infinity, ageMaxMs: Infinity, required: true }],
  });
  // A consumer that keeps up, so that segments are deleted as in life.
  let newest = 0;
  const acknowledging = setInterval(() => void queue.acknowledge('sink', newest), 100);
  return {
    append: async (block) => {
      newest = await queue.append(block);
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(acknowledging);
      await queue[Symbol.asyncDispose]();
    },
  };
}

function openSqlite(directory: string): Promise<Store> {
  const database = new DatabaseSync(join(directory, 'queue.db'));
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL');
  database.exec('CREATE TABLE queue (position INTEGER PRIMARY KEY, block BLOB)');
  const insert = database.prepare('INSERT INTO queue (block) VALUES (?)');
  let next = 1;
  let acknowledged = 0;
  const group = new GroupCommit((blocks) => {
    const first = next;
    database.exec('BEGIN');
    for (const block of blocks) insert.run(block);
    database.exec('COMMIT');
    next += blocks.length;
    return Promise.resolve(first);
  }, Infinity);
  const remove = database.prepare('DELETE FROM queue WHERE position <= ?');
  const acknowledging = setInterval(() => {
    remove.run(acknowledged);
  }, 100);
  return Promise.resolve({
    append: async (block: Uint8Array) => {
      acknowledged = await group.append(block);
    },
    [Symbol.asyncDispose]: () => {
      clearInterval(acknowledging);
      database.close();
      return Promise.resolve();
    },
  });
}

async function measure(
  open: (directory: string) => Promise<Store>,
  bytes: number,
): Promise<Measured> {
  const directory = await mkdtemp(join(parent, 'farpoint-bench-'));
  const blocks = Array.from({ length: 16 }, () => randomBytes(bytes));
  const waitsMs: number[] = [];
  try {
    await using store = await open(directory);
    const cpu = process.cpuUsage();
    const begunMs = performance.now();
    await Promise.all(
      Array.from({ length: producers }, async (_, producer) => {
        while (performance.now() < begunMs + roundMs) {
          const askedMs = performance.now();
          await store.append(blocks[(producer + waitsMs.length) % 16] ?? Buffer.of());
          waitsMs.push(performance.now() - askedMs);
        }
      }),
    );
    const { user, system } = process.cpuUsage(cpu);
    waitsMs.sort((left, right) => left - right);
    return {
      blocksPerSecond: (waitsMs.length * 1000) / (performance.now() - begunMs),
      medianMs: waitsMs[Math.floor(waitsMs.length * 0.5)] ?? Number.NaN,
      p99Ms: waitsMs[Math.floor(waitsMs.length * 0.99)] ?? Number.NaN,
      cpuMicroseconds: (user + system) / waitsMs.length,
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

function print(name: string, kib: number, results: readonly Measured[]): void {
  const of = (key: keyof Measured): number => {
    return results.map((result) => result[key]).sort((a, b) => a - b)[results.length >> 1] ?? 0;
  };
  const rate = of('blocksPerSecond');
  console.log(
    [
      name.padEnd(12),
      String(kib).padStart(4),
      rate.toFixed(0).padStart(9),
      ((rate * kib) / 1000).toFixed(0).padStart(7),
      of('medianMs').toFixed(2).padStart(11),
      of('p99Ms').toFixed(2).padStart(11),
      of('cpuMicroseconds').toFixed(1).padStart(13),
    ].join(' '),
  );
}
