/** A directory inside an archive as people write it: `./world/` is `world`, and `.` or `/` is the root, ''. */
export function trimmed(path: string): string {
  return path.replace(/^(?:\.?\/+)+|\/+$/g, '').replace(/^\.$/, '');
}
