/** One thing wrong with a configuration, and where. Lines and columns count from 1. */
export interface Mistake {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Keys from the top of the file, for example `checks[2].expect.status`; empty for the file as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Everything that is wrong with a configuration, at once. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  readonly mistakes: readonly Mistake[];

  constructor(mistakes: readonly Mistake[]) {
    super(mistakes.map(formatMistake).join('\n'));
    this.mistakes = mistakes;
  }
}

/** `file:line:column: path: message`, which editors and terminals make a link of. */
export function formatMistake({ file, line, column, path, message }: Mistake): string {
  return `${file}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

/** ` (did you mean every?)`, or nothing where no candidate is close to what was written. */
export function suggestion(written: string, candidates: readonly string[]): string {
  const found = nearest(written, candidates);
  return found === undefined ? '' : ` (did you mean ${found}?)`;
}

/** Words other tools use for our keys. */
const synonyms: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    interval: ['every'],
    period: ['every'],
    frequency: ['every'],
    schedule: ['cron', 'every'],
    url: ['target', 'urls'],
    host: ['target'],
    hosts: ['targets'],
    address: ['target', 'listen'],
    tags: ['labels'],
    tz: ['timezone'],
    location: ['region'],
    locations: ['regions'],
    deadline: ['timeout'],
  }),
);

/** The candidate with the fewest edits to `written`, if these are no more than a third of its letters. */
function nearest(written: string, candidates: readonly string[]): string | undefined {
  const lower = written.toLowerCase();
  const synonym = synonyms.get(lower)?.find((word) => candidates.includes(word));
  if (synonym !== undefined) return synonym;
  const editsMax = Math.max(1, Math.floor(written.length / 3));
  return candidates
    .map((candidate) => ({ candidate, edits: editDistance(lower, candidate.toLowerCase()) }))
    .filter(({ edits }) => edits <= editsMax)
    .sort((left, right) => left.edits - right.edits)[0]?.candidate;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours, each one edit. */
function editDistance(left: string, right: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current[column] = Math.min(
        at(last, column) + 1,
        at(current, column - 1) + 1,
        at(last, column - 1) + (same ? 0 : 1),
        swapped ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    beforeLast = last;
    last = current;
  }
  return at(last, right.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
