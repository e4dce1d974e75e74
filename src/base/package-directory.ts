import { existsSync } from 'node:fs';

/**
 * The directory that holds package.json and web/, with a slash at its end. It is above src/ and above dist/, whose files
 * lie at different depths, so it is looked for upwards from this file.
 */
export function packageDirectory(): URL {
  let directory = new URL('./', import.meta.url);
  while (!existsSync(new URL('package.json', directory))) {
    const above = new URL('../', directory);
    if (above.href === directory.href) throw new Error('There is no package.json above the files of Roost');
    directory = above;
  }
  return directory;
}
