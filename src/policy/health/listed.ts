/** The most names in one sentence. The sentence itself says how many there are. */
const SHOWN = 5;

export function listed<Item>(items: readonly Item[], nameOf: (item: Item) => string): string {
  return items.slice(0, SHOWN).map(nameOf).join(', ') + (items.length > SHOWN ? ', …' : '');
}
