import { type ProtobufReader } from '#lib/protobuf/reader';
import { type ProtobufWriter } from '#lib/protobuf/writer';
import { type AttributeBuilder, readAttribute, writeAttributes } from './attributes.ts';
import { type Attributes } from './model.ts';

/** Reads a Resource message. */
export function readResource(reader: ProtobufReader, into: AttributeBuilder): void {
  const outer = reader.enter();
  while (reader.more()) {
    if (reader.field() === 1) readAttribute(reader, into);
    else reader.skip();
  }
  reader.leave(outer);
}

/** Writes field 1 of ResourceMetrics and ResourceLogs. */
export function writeResource(writer: ProtobufWriter, resource: Attributes): void {
  const message = writer.begin(1);
  writeAttributes(writer, 1, resource);
  writer.end(message);
}

/** Items of one resource, in the order given. */
export interface ResourceGroup<Item> {
  readonly resource: Attributes;
  readonly items: readonly Item[];
}

/** Groups by the resource's content; groups come in the order of their first item. */
export function groupByResource<Item extends { readonly resource: Attributes }>(
  items: readonly Item[],
): Iterable<ResourceGroup<Item>> {
  const keys = new Map<Attributes, string>();
  const groups = new Map<string, { readonly resource: Attributes; readonly items: Item[] }>();
  for (const item of items) {
    const key = keys.get(item.resource) ?? contentKey(item.resource);
    keys.set(item.resource, key);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { resource: item.resource, items: [item] });
    else group.items.push(item);
  }
  return groups.values();
}

function contentKey(resource: Attributes): string {
  return Object.keys(resource)
    .toSorted()
    .map((key) => `${key}\n${typeof resource[key]}\n${String(resource[key])}`)
    .join('\n');
}
