/** What lies in a local store of an archive, in either layout: its bytes, the file that holds them, and its objects. */
import fs from 'node:fs';
import { join } from 'node:path';
import { decodeMap } from '../../src/storage/vault/format/map.ts';
import { decodeRecipe } from '../../src/storage/vault/format/recipe.ts';
import { ServerPacks } from '../../src/storage/vault/server-packs.ts';
import { layOut } from '../../src/storage/vault/source.ts';

/** The whole archive; throws when it is not there. */
export function storedArchive(store: string, server: string, id: string): Buffer {
  const directory = join(store, server);
  const plain = join(directory, `${id}.tar.gz`);
  return fs.existsSync(plain) ? fs.readFileSync(plain) : vaultedArchive(directory, id);
}

/** The whole archive that a recipe describes; throws when there is none, or when some of it is nowhere. */
export function vaultedArchive(directory: string, id: string): Buffer {
  const { files, parts } = vaulted(directory, id);
  const packs = files.map((pack) => fs.readFileSync(join(directory, `${pack}.pack`)));
  return Buffer.concat(
    Array.from(parts.ends, (end, index) => {
      const from = parts.start[index] ?? 0;
      const length = end - (index === 0 ? 0 : (parts.ends[index - 1] ?? 0));
      return packs[parts.file[index] ?? 0]?.subarray(from, from + length) ?? Buffer.alloc(0);
    }),
  );
}

/** The file that holds the archive's first bytes: of a backup that shares none, with one pack, all of them. */
export function archiveFile(store: string, server: string, id: string): string {
  const directory = join(store, server);
  const plain = join(directory, `${id}.tar.gz`);
  if (fs.existsSync(plain) || !fs.existsSync(join(directory, `${id}.recipe`))) return plain;
  return join(directory, `${vaulted(directory, id).files[0] ?? ''}.pack`);
}

export function isStored(store: string, server: string, id: string): boolean {
  return ['tar.gz', 'recipe'].some((kind) => fs.existsSync(join(store, server, `${id}.${kind}`)));
}

/** Names in a server's directory, sorted: a recipe is shown as the archive it describes, packs and maps are not shown. */
export function storedNames(store: string, server: string): string[] {
  const directory = join(store, server);
  const names = fs.existsSync(directory) ? fs.readdirSync(directory) : [];
  return names
    .filter((name) => !/\.(?:pack|map)$/.test(name))
    .map((name) => name.replace(/\.recipe$/, '.tar.gz'))
    .sort();
}

/** Ids of the packs that hold the bytes of these backups. */
export function packsIn(directory: string, backups: readonly string[]): ReadonlySet<string> {
  const vaulting = backups.filter((id) => fs.existsSync(join(directory, `${id}.recipe`)));
  return new Set(vaulting.flatMap((id) => vaulted(directory, id).files));
}

function vaulted(directory: string, id: string): ReturnType<typeof layOut> {
  const recipe = decodeRecipe(fs.readFileSync(join(directory, `${id}.recipe`)), id);
  const packs = new Map<string, number>();
  const maps = new Map<string, ReturnType<typeof decodeMap>>();
  for (const name of fs.readdirSync(directory)) {
    const [pack = '', kind] = name.split('.');
    if (kind === 'pack') packs.set(pack, fs.statSync(join(directory, name)).size);
    else if (kind === 'map') maps.set(pack, decodeMap(fs.readFileSync(join(directory, name)), name));
  }
  return layOut(recipe, new ServerPacks(packs, new Set(), maps));
}
