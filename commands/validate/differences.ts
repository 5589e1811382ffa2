import type { AgentExamination } from '#agent/config';

/** What changes from one agent configuration to another, a line each: `+` new, `-` gone, `~` changed. */
export function differences(before: AgentExamination, after: AgentExamination): string {
  const old = facts(before);
  const now = facts(after);
  const names = [...new Set([...old.keys(), ...now.keys()])];
  const lines = names.flatMap((name) => compare(name, old.get(name), now.get(name)));
  return lines.length === 0 ? 'no difference' : lines.join('\n');
}

type Facts = ReadonlyMap<string, string>;

/** The regions and every check as flat facts, by name. */
function facts({ fleet, settings }: AgentExamination): ReadonlyMap<string, Facts> {
  const entries = fleet.checks.map((check) => {
    const { name, ...common } = check;
    return [`check ${name}`, flatten({ ...common, settings: settings.get(name) })] as const;
  });
  return new Map([['regions', flatten({ list: fleet.regions })], ...entries]);
}

function compare(name: string, before: Facts | undefined, after: Facts | undefined): string[] {
  if (before === undefined) return [`+ ${name}`];
  if (after === undefined) return [`- ${name}`];
  const keys = [...new Set([...before.keys(), ...after.keys()])];
  return keys
    .filter((key) => before.get(key) !== after.get(key))
    .map(
      (key) => `~ ${name}: ${key} ${before.get(key) ?? 'absent'} → ${after.get(key) ?? 'absent'}`,
    );
}

/** Leaves of a value by dotted path, as JSON; a list is one leaf. Secrets show as ***. */
function flatten(value: object): Facts {
  const plain: unknown = JSON.parse(JSON.stringify(value));
  const leaves = new Map<string, string>();
  const visit = (node: unknown, path: string): void => {
    if (typeof node !== 'object' || node === null || Array.isArray(node)) {
      leaves.set(path, JSON.stringify(node));
      return;
    }
    for (const [key, child] of Object.entries(node))
      visit(child, path === '' ? key : `${path}.${key}`);
  };
  visit(plain, '');
  return leaves;
}
