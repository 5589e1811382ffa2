import { messageOf } from '#lib/error-message';
import { type RegexFormat, type Role, groupsOf, roles } from './format.ts';
import { type LineParser, ParsedLine } from './line.ts';
import { RoleReader } from './role-reader.ts';

/**
 * Parses lines with a regular expression. Lines become text byte by byte (as Latin-1), so that places
 * in the text are places in the buffer; the expression's own non-ASCII characters are turned into
 * their UTF-8 bytes. That makes `.` one byte, and everything else what it seems to be.
 */
export function compileRegex(format: RegexFormat, configured: readonly string[]): LineParser {
  const line = new ParsedLine(configured.length);
  const reader = new RoleReader(line, format.unit);
  const expression = new RegExp(Buffer.from(format.source).toString('latin1'), 'd');
  return {
    line,
    mayStall: true,
    begin: (bytes) => reader.begin(bytes),
    parse: (bytes, start, end) => {
      line.reset();
      line.bytes = bytes;
      const groups = expression.exec(bytes.toString('latin1', start, end))?.indices?.groups;
      if (groups === undefined) return false;
      for (const [name, span] of Object.entries(groups)) {
        // A group that did not take part has no place.
        if (span === undefined) continue;
        const [at, stop] = [start + span[0], start + span[1]];
        if (isRole(name) && !reader.read(name, bytes, at, stop)) return false;
        const index = configured.indexOf(name);
        if (index >= 0) reader.readConfigured(index, bytes, at, stop);
      }
      return true;
    },
  };
}

/** Says what is wrong with an expression, or nothing. */
export function regexProblem(source: string): string | undefined {
  try {
    if (groupsOf(source).some(isRole)) return undefined;
    return `expected at least one named group such as (?<status>\\d{3}); groups with a meaning: ${roles.join(', ')}`;
  } catch (error) {
    return messageOf(error);
  }
}

function isRole(name: string): name is Role {
  return roles.some((role) => role === name);
}
