const LENGTH = 8;

/** The start of an id, as lists show it: it tells apart what one node has, and commands take it. */
export function shortId(id: string): string {
  return id.slice(0, LENGTH);
}
