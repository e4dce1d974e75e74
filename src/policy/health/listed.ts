/** Names in one sentence; the rest is not counted out, since the sentence says how many there are. */
const SHOWN = 5;

export function listed<Item>(items: readonly Item[], nameOf: (item: Item) => string): string {
  return items.slice(0, SHOWN).map(nameOf).join(', ') + (items.length > SHOWN ? ', …' : '');
}
