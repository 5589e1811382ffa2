import type { YAMLParseError } from 'yaml';

/** Stand-ins, from Unicode's private use area, for text that YAML cannot read without quotes. */
const cronMask = '\uE000';
const referenceMask = '\uE001';

const traps = [
  { mask: cronMask, pattern: /\*(?:\/\d+)?(?:[ \t]+[\w*/-]+(?:,[\w*/-]+)*){4,5}/g },
  { mask: referenceMask, pattern: /\$\{(?:env|file):[^}\n]*\}/g },
];

/**
 * YAML's traps for configurations like ours: an unquoted cron expression that starts with `*`, and
 * `${…}` inside `{ }` or `[ ]`. Where one explains a syntax error, replaces it by a mask of the same
 * length, so that the rest of the file keeps its positions and is checked as well.
 */
export function maskTraps(text: string, errors: readonly YAMLParseError[]): string {
  let masked = text;
  for (const { mask, pattern } of traps) {
    masked = masked.replaceAll(pattern, (match: string, start: number) =>
      errors.some(({ pos }) => pos[0] >= start && pos[0] < start + match.length)
        ? mask.repeat(match.length)
        : match,
    );
  }
  return masked;
}

/** What to do about a scalar that was masked; undefined for any other. */
export function trapMessage(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (value.includes(cronMask)) return "a value that starts with * must be quoted: '*/5 * * * *'";
  if (value.includes(referenceMask)) {
    return "a ${…} reference inside { } or [ ] must be quoted: '${env:NAME}'";
  }
  return undefined;
}
