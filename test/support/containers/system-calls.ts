import { execFileSync } from 'node:child_process';

/** The system calls that a unit of systemd allows: its `SystemCallFilter` lines, in their order. */
export function allowedSystemCalls(unit: string): ReadonlySet<string> {
  const allowed = new Set<string>();
  for (const [, without, names = ''] of unit.matchAll(/^SystemCallFilter=(~?)(.*)$/gm)) {
    for (const name of names.split(' ').flatMap(membersOf)) {
      if (without === '~') allowed.delete(name);
      else allowed.add(name);
    }
  }
  return allowed;
}

/** What is in a set such as `@process`, and in the sets in it. */
function membersOf(name: string): string[] {
  if (!name.startsWith('@')) return [name];
  const listing = execFileSync('systemd-analyze', ['syscall-filter', '--no-pager', name], {
    encoding: 'utf8',
  });
  const [, ...members] = listing.split('\n').map((line) => line.trim());
  return members.filter((member) => /^[@\w]/.test(member)).flatMap(membersOf);
}
