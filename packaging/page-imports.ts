/** Which packages the page is bundled from: those that its sources import. */
import fs from 'node:fs';
import { join } from 'node:path';

const IMPORT = /^(?:import|export)\s(?!type\s)(?:[^;']*?\sfrom\s)?'([^'.][^']*)'/gm;

/** @param directory of the page's sources; what configures its build is none of them. */
export function pageImports(directory: string): ReadonlySet<string> {
  const found = new Set<string>();
  for (const name of fs.readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!/\.tsx?$/.test(name) || name === 'vite.config.ts') continue;
    const text = fs.readFileSync(join(directory, name), 'utf8');
    for (const [, from = ''] of text.matchAll(IMPORT)) found.add(packageOf(from));
  }
  return found;
}

function packageOf(from: string): string {
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');
}
