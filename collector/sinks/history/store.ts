import { readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { messageOf } from '#lib/error-message';
import type { RunRecord, Subject } from './run.ts';

/** "FPhs": by this a file is known to be a history. */
const applicationId = 0x46506873;
const formatVersion = 1;
/** Before, two connections could damage a file in WAL mode. */
const sqliteVersionMin = [3, 51, 3] as const;

interface Series {
  readonly id: number;
  /** As JSON. */
  labels: string;
}

/**
 * The history on disk, in one SQLite file: WAL and `synchronous` FULL, so that what `write` returned
 * from outlives a power cut. Everything is synchronous, and belongs into a thread of its own.
 */
export class HistoryStore implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #series = new Map<string, Series>();

  /** Throws when the file is of a newer version, or is no history; it is left as it is. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path);
    try {
      requireSqlite(this.#database);
      establish(this.#database);
    } catch (error) {
      this.#database.close();
      throw new Error(`cannot keep history in ${path}: ${messageOf(error)}`, { cause: error });
    }
    this.#statements = prepareStatements(this.#database);
  }

  /** For queries. */
  get database(): DatabaseSync {
    return this.#database;
  }

  /** All of it or, when it throws, nothing; durable when it returns. What is there already is completed. */
  write(runs: readonly RunRecord[]): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const run of runs) this.#writeRun(run);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#series.clear();
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  /** Forgets runs before a time, and series that have none left. */
  expire(beforeUnixMs: number): void {
    this.#statements.deleteRuns.run(Math.floor(beforeUnixMs));
    const { changes } = this.#statements.deleteSeries.run();
    if (changes !== 0) this.#series.clear();
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #writeRun(run: RunRecord): void {
    const series = this.#seriesOf(run.subject);
    if (run.labels !== undefined) this.#label(series, JSON.stringify(run.labels));
    this.#statements.upsertRun.run(
      series.id,
      run.unixMs,
      run.verdict ?? null,
      run.errorType ?? null,
      run.message ?? null,
      run.durationMs ?? null,
      run.validUntilUnixMs ?? null,
      run.run ?? null,
      run.facts === undefined ? null : JSON.stringify(run.facts),
    );
  }

  #seriesOf({ check, type, service, target, region, agent }: Subject): Series {
    const identity = [check, type, service, target, region, agent];
    const key = JSON.stringify(identity);
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    this.#statements.insertSeries.run(...identity);
    const { id, labels } = this.#statements.selectSeries.get(...identity) ?? {};
    const series = { id: Number(id), labels: String(labels) };
    this.#series.set(key, series);
    return series;
  }

  #label(series: Series, labels: string): void {
    if (labels === series.labels) return;
    this.#statements.updateLabels.run(labels, series.id);
    series.labels = labels;
  }
}

function requireSqlite(database: DatabaseSync): void {
  const version = String(database.prepare('SELECT sqlite_version() AS version').get()?.['version']);
  const [major = 0, minor = 0, patch = 0] = version.split('.').map(Number);
  const [majorMin, minorMin, patchMin] = sqliteVersionMin;
  if ((major - majorMin || minor - minorMin || patch - patchMin) >= 0) return;
  throw new Error(
    `SQLite ${version} is older than ${sqliteVersionMin.join('.')} and can damage it; use a newer Node.js`,
  );
}

/** Makes sure that the file is a history of a format known here; begins one in an empty file. */
function establish(database: DatabaseSync): void {
  const { user_version: version } = database.prepare('PRAGMA user_version').get() ?? {};
  const { application_id: id } = database.prepare('PRAGMA application_id').get() ?? {};
  const isEmpty = database.prepare('SELECT 1 FROM sqlite_schema').get() === undefined;
  if (!isEmpty && id !== applicationId) throw new Error("it is another program's database");
  if (Number(version) > formatVersion) {
    throw new Error(
      `it has format ${String(version)}, and this version of Farpoint knows up to ${formatVersion}; ` +
        'run the newer version again, or move the file away',
    );
  }
  const { journal_mode: mode } = database.prepare('PRAGMA journal_mode = WAL').get() ?? {};
  if (mode !== 'wal') throw new Error(`its file system allows no WAL, only ${String(mode)}`);
  database.exec('PRAGMA synchronous = FULL');
  if (!isEmpty) return;
  database.exec(`BEGIN;
    ${readFileSync(new URL('schema.sql', import.meta.url), 'utf8')}
    PRAGMA application_id = ${applicationId};
    PRAGMA user_version = ${formatVersion};
    COMMIT;`);
}

// oxlint-disable-next-line typescript/explicit-function-return-type -- named by its keys
function prepareStatements(database: DatabaseSync) {
  const subject =
    'name = ? AND type = ? AND service = ? AND target = ? AND region = ? AND agent = ?';
  return {
    insertSeries: database.prepare(
      `INSERT INTO series (name, type, service, target, region, agent) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT DO NOTHING`,
    ),
    selectSeries: database.prepare(`SELECT id, labels FROM series WHERE ${subject}`),
    updateLabels: database.prepare('UPDATE series SET labels = ? WHERE id = ?'),
    upsertRun: database.prepare(
      `INSERT INTO runs
         (series, time, verdict, error_type, message, duration_ms, valid_until, run, facts)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT (series, time) DO UPDATE SET
         verdict = coalesce(excluded.verdict, verdict),
         error_type = coalesce(excluded.error_type, error_type),
         message = coalesce(excluded.message, message),
         duration_ms = coalesce(excluded.duration_ms, duration_ms),
         valid_until = coalesce(excluded.valid_until, valid_until),
         run = coalesce(excluded.run, run),
         facts = coalesce(excluded.facts, facts)`,
    ),
    deleteRuns: database.prepare(
      'DELETE FROM runs WHERE series IN (SELECT id FROM series) AND time < ?',
    ),
    deleteSeries: database.prepare(
      'DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM runs WHERE runs.series = series.id)',
    ),
  };
}
