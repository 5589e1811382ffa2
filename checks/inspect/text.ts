/** Decodes text as its charset says; what is unknown is taken for UTF-8. */
export function decodeText(body: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(body);
  } catch {
    return new TextDecoder().decode(body);
  }
}
