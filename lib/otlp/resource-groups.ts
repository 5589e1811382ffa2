import { type Attributes } from './model.ts';

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
