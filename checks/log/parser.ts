import type { Format } from './parser/format.ts';
import { compileJson } from './parser/json.ts';
import { compileLayout } from './parser/layout.ts';
import type { LineParser } from './parser/line.ts';
import { compileRegex } from './parser/regex.ts';

/** Makes the parser of a format. `configured` names fields whose numbers are kept besides those with a role. */
export function compileFormat(format: Format, configured: readonly string[]): LineParser {
  switch (format.kind) {
    case 'layout':
      return compileLayout(format, configured);
    case 'json':
      return compileJson(format, configured);
    case 'regex':
      return compileRegex(format, configured);
  }
}
