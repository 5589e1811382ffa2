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

/** Index into `methods` of the text from `start` to before `end`. */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  if (start < 0) return 0;
  for (let index = 1; index < encoded.length; index++) {
    const name = encoded[index];
    if (name !== undefined && same(name, bytes, start, end)) return index;
  }
  return 0;
}

const encoded = methods.map((method) => Buffer.from(method));

function same(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== name.length) return false;
  for (let index = 0; index < name.length; index++) {
    if (bytes[start + index] !== name[index]) return false;
  }
  return true;
}
