import { AttributeBuilder } from './attributes.ts';
import { type JsonObject, listOf, objectOf, parseJson, readJsonAttributes } from './json.ts';
import { resourceAttributesMax } from './limits.ts';
import type { ItemBuilder } from './request.ts';

/** What a kind of request calls its levels. */
interface LevelNames {
  readonly resources: string;
  readonly scopes: string;
  readonly items: string;
}

/** Reads an export request in JSON; `readItem` gets each metric or log record. */
export function readJsonRequest(
  bytes: Uint8Array,
  { names, builder }: { readonly names: LevelNames; readonly builder: ItemBuilder },
  readItem: (item: JsonObject) => void,
): void {
  for (const element of listOf(parseJson(bytes)[names.resources], names.resources)) {
    const holder = objectOf(element, names.resources);
    const attributes = new AttributeBuilder(builder.limits, resourceAttributesMax);
    readJsonAttributes(objectOf(holder['resource'], 'resource')['attributes'], attributes);
    builder.enterResource(attributes);
    for (const scope of listOf(holder[names.scopes], names.scopes)) {
      const items = listOf(objectOf(scope, names.scopes)[names.items], names.items);
      for (const item of items) readItem(objectOf(item, names.items));
    }
  }
}
