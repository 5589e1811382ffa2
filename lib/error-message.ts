/** The words of whatever was thrown. */
export function messageOf(thrown: unknown): string {
  // Of a connection that was tried to several addresses Node.js leaves the words to each of them.
  if (thrown instanceof AggregateError && thrown.message === '') {
    return thrown.errors.map(messageOf).join('; ');
  }
  // Not only errors: JSONata throws plain objects.
  return typeof thrown === 'object' && thrown !== null && 'message' in thrown
    ? String(thrown.message)
    : String(thrown);
}
