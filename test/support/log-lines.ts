import { createLog } from '#lib/log';

/** Log lines in memory, parsed. */
export class LogLines {
  readonly lines: Record<string, unknown>[] = [];
  readonly log = createLog({
    level: 'info',
    destination: { write: (line: string) => void this.lines.push(JSON.parse(line)) },
  });

  messages(level: string): unknown[] {
    return this.lines.filter((line) => line['level'] === level).map(({ message }) => message);
  }
}
