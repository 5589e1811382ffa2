const slash = 0x2f;
const question = 0x3f;
const space = 0x20;

/** The route of a path that fits no pattern. */
export const otherRoute = 'other';

interface Node {
  readonly literals: { readonly text: Uint8Array; readonly node: Node }[];
  /** Behind a `:name`. */
  any: Node | undefined;
  /** The route that ends here, or -1. */
  route: number;
  /** The route whose `*` takes whatever follows, or -1. */
  rest: number;
}

/**
 * Finds the route of a URI by its bytes. A pattern has literal and `:named` segments, the latter match
 * any one segment that is not empty, and may end in `*`, which matches all that is left. Literals win
 * over names, and both over `*`; the query does not count. Route 0 is `other`, then the patterns in order.
 */
export class RouteTable {
  readonly names: readonly string[];
  readonly #root = emptyNode();

  constructor(patterns: readonly string[]) {
    this.names = [otherRoute, ...patterns];
    for (const [index, pattern] of patterns.entries()) insert(this.#root, pattern, index + 1);
  }

  /** The route of the path from `start`, a slash, up to a question mark, a space or `end`. */
  find(bytes: Uint8Array, start: number, end: number): number {
    if (this.names.length === 1 || start < 0 || bytes[start] !== slash) return 0;
    let stop = start;
    while (stop < end && bytes[stop] !== question && bytes[stop] !== space) stop++;
    return Math.max(0, descend(this.#root, bytes, start + 1, stop));
  }
}

/** Says what is wrong with a pattern, or nothing. */
export function routeProblem(pattern: string): string | undefined {
  if (!pattern.startsWith('/')) return 'a route starts with a slash, for example /datasets/:id';
  if (/[?#\s]/.test(pattern)) return 'a route is a path only: without query, fragment or spaces';
  if (/\*./.test(pattern)) return 'a * stands only at the end of a route';
  return undefined;
}

function emptyNode(): Node {
  return { literals: [], any: undefined, route: -1, rest: -1 };
}

function insert(root: Node, pattern: string, route: number): void {
  let node = root;
  for (const segment of pattern.slice(1).split('/')) {
    if (segment === '*') {
      node.rest = route;
      return;
    }
    node = segment.startsWith(':') ? (node.any ??= emptyNode()) : literalChild(node, segment);
  }
  node.route = route;
}

function literalChild(node: Node, segment: string): Node {
  const text = Buffer.from(segment);
  const present = node.literals.find((child) => text.equals(child.text));
  if (present !== undefined) return present.node;
  const child = emptyNode();
  node.literals.push({ text, node: child });
  return child;
}

/** The route of the segments from `at` on, or -1. */
function descend(node: Node, bytes: Uint8Array, at: number, end: number): number {
  let stop = at;
  while (stop < end && bytes[stop] !== slash) stop++;
  for (const { text, node: child } of node.literals) {
    if (!same(text, bytes, at, stop)) continue;
    const route = stop < end ? descend(child, bytes, stop + 1, end) : child.route;
    if (route >= 0) return route;
  }
  if (node.any !== undefined && stop > at) {
    const route = stop < end ? descend(node.any, bytes, stop + 1, end) : node.any.route;
    if (route >= 0) return route;
  }
  return node.rest;
}

function same(text: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== text.length) return false;
  for (let index = 0; index < text.length; index++) {
    if (bytes[start + index] !== text[index]) return false;
  }
  return true;
}
