/**
 * Compiles a regular expression from a configuration. Flags can lead it as in other dialects: `(?i)`
 * ignores case, `(?s)` lets a dot match line breaks, `(?m)` lets ^ and $ match at every line.
 */
export function compilePattern(text: string): RegExp {
  const [, flags = '', rest = ''] = /^(?:\(\?([ims]+)\))?([\s\S]*)$/.exec(text) ?? [];
  return new RegExp(rest, `u${flags}`);
}
