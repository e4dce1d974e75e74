/** Manual pages and completions, printed by the build itself. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { dirname, join } from 'node:path';

/** In the tree, below share/: where systems look for them below /usr/local/share. */
const PRINTED: Readonly<Record<string, readonly string[]>> = {
  'man/man1/roost.1': ['manual', 'roost.1'],
  'man/man5/roost.yml.5': ['manual', 'roost.yml.5'],
  'bash-completion/completions/roost': ['completion', 'bash'],
  'zsh/site-functions/_roost': ['completion', 'zsh'],
  'fish/vendor_completions.d/roost.fish': ['completion', 'fish'],
};

/** @param main dist/main.js of a build, for the processor that runs here. */
export function writeManual(share: string, main: string): void {
  for (const [name, words] of Object.entries(PRINTED)) {
    const path = join(share, name);
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, execFileSync(process.execPath, [main, ...words]));
  }
}
