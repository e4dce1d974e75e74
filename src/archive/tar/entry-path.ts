/** Parts of the path of an entry. */

/** The path of the directory ('' for the root) and the name in it. */
export function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf('/');
  return { parent: slash < 0 ? '' : path.slice(0, slash), name: path.slice(slash + 1) };
}

/** The first `depth + 1` components of a path. */
export function prefixOf(path: string, depth: number): string {
  let end = -1;
  for (let component = 0; component <= depth; component++) {
    end = path.indexOf('/', end + 1);
    if (end < 0) return path;
  }
  return path.slice(0, end);
}
