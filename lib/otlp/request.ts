import type { ProtobufReader } from '#lib/protobuf/reader';
import { ProtobufWriter } from '#lib/protobuf/writer';
import { AttributeBuilder, readAttribute, writeAttributes } from './attributes.ts';
import { type DecodeLimits, resourceAttributesMax } from './limits.ts';
import type { Attributes } from './model.ts';

/*
 * What requests for metrics and for logs have in common: resources, in them scopes, in them items,
 * under the same field numbers.
 */

/** What makes flat items of those that are read. */
export interface ItemBuilder {
  readonly limits: DecodeLimits;
  /** The items that follow belong to this resource. */
  enterResource(attributes: AttributeBuilder): void;
}

/** Reads an export request; `readItem` is called where a metric or a log record begins. */
export function readRequest(
  reader: ProtobufReader,
  builder: ItemBuilder,
  readItem: () => void,
): void {
  while (reader.more()) {
    if (reader.field() === 1) readResourceItems(reader, builder, readItem);
    else reader.skip();
  }
}

/** Writes an export request, items grouped by resource; `writeItems` writes those of one. */
export function writeRequest<Item extends { readonly resource: Attributes }>(
  all: readonly Item[],
  writeItems: (writer: ProtobufWriter, items: readonly Item[]) => void,
): Uint8Array<ArrayBuffer> {
  const writer = new ProtobufWriter();
  for (const { resource, items } of groupByResource(all)) {
    const resourceItems = writer.begin(1);
    const message = writer.begin(1);
    writeAttributes(writer, 1, resource);
    writer.end(message);
    const scopeItems = writer.begin(2);
    writeItems(writer, items);
    writer.end(scopeItems);
    writer.end(resourceItems);
  }
  return writer.finish();
}

/** Fields may come in any order, and the resource of items behind them. */
function readResourceItems(
  reader: ProtobufReader,
  builder: ItemBuilder,
  readItem: () => void,
): void {
  const outer = reader.enter();
  const resource = new AttributeBuilder(builder.limits, resourceAttributesMax);
  const scopes: number[] = [];
  while (reader.more()) {
    switch (reader.field()) {
      case 1:
        readResource(reader, resource);
        break;
      case 2:
        scopes.push(reader.skipMessage());
        break;
      default:
        reader.skip();
    }
  }
  builder.enterResource(resource);
  for (const scope of scopes) readScopeItems(reader, scope, readItem);
  reader.leave(outer);
}

function readScopeItems(reader: ProtobufReader, at: number, readItem: () => void): void {
  const outer = reader.enterAt(at);
  while (reader.more()) {
    if (reader.field() === 2) readItem();
    else reader.skip();
  }
  reader.leave(outer);
}

function readResource(reader: ProtobufReader, into: AttributeBuilder): void {
  const outer = reader.enter();
  while (reader.more()) {
    if (reader.field() === 1) readAttribute(reader, into);
    else reader.skip();
  }
  reader.leave(outer);
}

/** Items of one resource, in the order given. */
interface ResourceGroup<Item> {
  readonly resource: Attributes;
  readonly items: readonly Item[];
}

/** Groups by the resource's content; groups come in the order of their first item. */
function groupByResource<Item extends { readonly resource: Attributes }>(
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

/** Lengths come before texts, so that no choice of characters makes one resource look like another. */
function contentKey(resource: Attributes): string {
  return Object.keys(resource)
    .toSorted()
    .map((key) => {
      const text = String(resource[key]);
      return `${key.length} ${key}${typeof resource[key]} ${text.length} ${text}`;
    })
    .join('');
}
