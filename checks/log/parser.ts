import { type Format } from './format.ts';
import { compileJson } from './json-parser.ts';
import { compileLayout } from './layout-parser.ts';
import { type LineParser } from './line.ts';
import { compileRegex } from './regex-parser.ts';

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
