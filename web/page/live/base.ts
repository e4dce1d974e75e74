/** Where the daemon is: beside the page, below whatever path a proxy gives it. */
export const base = new URL('.', location.href.replace(/#.*$/, ''));

export function addressOf(path: string): URL {
  return new URL(path, base);
}
