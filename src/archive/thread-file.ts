/**
 * Where a thread's code lies: beside the calling module, with the same ending (`.ts` when the sources run unbuilt,
 * `.js` in a build).
 */
export function threadFile(name: string): URL {
  const ending = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${name}.${ending}`, import.meta.url);
}
