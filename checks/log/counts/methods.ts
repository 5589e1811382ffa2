/** Methods that may become a label; any other is `_OTHER`, as OpenTelemetry has it. */
export const methods = [
  '_OTHER',
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'CONNECT',
  'TRACE',
  'PROPFIND',
] as const;

const encoded = methods.map((method) => Buffer.from(method));
const lengthMax = Math.max(...encoded.map(({ length }) => length));
/** Index of the method by its length and first letter, which no two have in common; 0 where there is none. */
const byShape = new Uint8Array((lengthMax + 1) << 8);
for (const [index, name] of encoded.entries())
  if (index > 0) byShape[shapeOf(name.length, name[0] ?? 0)] = index;

/** Index into `methods` of the text from `start` to before `end`; a negative `start` stands for none. */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0) return 0;
  const index = byShape[shapeOf(end - start, bytes[start] ?? 0)] ?? 0;
  const name = encoded[index];
  for (let at = start + 1; at < end; at++) if (bytes[at] !== name?.[at - start]) return 0;
  return index;
}

function shapeOf(length: number, first: number): number {
  return (length << 8) | first;
}
