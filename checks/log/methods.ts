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
/** Indices of the methods of each length. */
const ofLength = Array.from({ length: lengthMax + 1 }, (_, length) =>
  Array.from(methods.keys()).filter((index) => index > 0 && encoded[index]?.length === length),
);

/** Index into `methods` of the text from `start` to before `end`; a negative `start` stands for none. */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0) return 0;
  for (const index of ofLength[end - start] ?? []) {
    const name = encoded[index];
    if (name !== undefined && startsWith(bytes, start, name)) return index;
  }
  return 0;
}

function startsWith(bytes: Uint8Array, start: number, text: Uint8Array): boolean {
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text[index]) return false;
  }
  return true;
}
