/**
 * Checks that compare several keys. They read the raw file content, which may have any shape, so that their faults are
 * reported together with those of single keys.
 */
import { basename, dirname, normalize } from 'node:path';
import { isUuid } from '../base/ids.ts';
import { type KeyPath, keyText } from './document.ts';
import type { Finding } from './issues.ts';
import { nearest } from './nearest.ts';
import { at, listAt, mappingAt, textAt } from './raw-content.ts';
import { checkFront } from './front-consistency.ts';
import { PANEL_FLAVOURS } from './types.ts';

const STORE_NAME = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export function checkConsistency(content: unknown): Finding[] {
  return [
    ...repeated(content, ['tokens'], 'id', 'is the id of another token too'),
    ...repeated(content, ['tokens'], 'secret', 'is the secret of another token too'),
    ...repeated(content, ['servers', 'list'], 'id', 'is the id of another server too'),
    ...repeated(content, ['servers', 'list'], 'path', 'is the path of another server too'),
    ...serversOfTheRoot(content),
    ...storeNames(content),
    ...sharedDirectories(content),
    ...sharedPrefixes(content),
    ...halfCredentials(content),
    ...defaultStore(content),
    ...copies(content),
    ...panelConnection(content),
    ...powerOfWings(content),
    ...quiesce(content),
    ...repeated(content, ['power', 'servers'], 'id', 'is the id of another server too'),
    ...checkFront(content),
  ];
}

function repeated(content: unknown, list: KeyPath, field: string, problem: string): Finding[] {
  const first = new Map<string, number>();
  return listAt(content, list).flatMap((item, index): Finding[] => {
    const value = textAt(item, [field]);
    if (value === undefined) return [];
    const same = field === 'path' ? normalize(`${value}/`) : field === 'id' ? value.toLowerCase() : value;
    const earlier = first.get(same);
    if (earlier === undefined) first.set(same, index);
    if (earlier === undefined) return [];
    return [{ path: [...list, index, field], problem, hint: `See ${keyText([...list, earlier, field])}.` }];
  });
}

/** The same directory under two ids would have two locks: a restore and a backup of it could run at once. */
function serversOfTheRoot(content: unknown): Finding[] {
  const root = textAt(content, ['servers', 'root']);
  if (root === undefined) return [];
  return listAt(content, ['servers', 'list']).flatMap((item, index): Finding[] => {
    const path = normalize(`${textAt(item, ['path']) ?? ''}/.`);
    const name = basename(path);
    const isServer =
      isUuid(name) && dirname(path) === normalize(`${root}/.`) && name !== textAt(item, ['id'])?.toLowerCase();
    const problem = `is the server ${name} of servers.root already`;
    return isServer ? [{ path: ['servers', 'list', index, 'path'], problem, hint: 'Use that id.' }] : [];
  });
}

function storeNames(content: unknown): Finding[] {
  return Object.keys(mappingAt(content, ['storage', 'stores']))
    .filter((name) => !STORE_NAME.test(name))
    .map((name) => ({
      path: ['storage', 'stores', name],
      problem: 'must have a short name of lower-case letters, digits and hyphens',
    }));
}

function sharedDirectories(content: unknown): Finding[] {
  const first = new Map<string, string>();
  return Object.entries(mappingAt(content, ['storage', 'stores'])).flatMap(([name, store]): Finding[] => {
    const directory = textAt(store, ['directory']);
    if (directory === undefined) return [];
    const same = normalize(`${directory}/`);
    const earlier = first.get(same);
    if (earlier === undefined) first.set(same, name);
    if (earlier === undefined) return [];
    return [
      { path: ['storage', 'stores', name, 'directory'], problem: `is the directory of the store ${earlier} too` },
    ];
  });
}

/** Two stores over the same objects would each delete the other's uploads as leftovers. */
function sharedPrefixes(content: unknown): Finding[] {
  const first = new Map<string, string>();
  return Object.entries(mappingAt(content, ['storage', 'stores'])).flatMap(([name, store]): Finding[] => {
    const bucket = textAt(store, ['bucket']);
    if (bucket === undefined) return [];
    const prefix = (textAt(store, ['prefix']) ?? '').replace(/^\/+|\/+$/g, '');
    const same = JSON.stringify([(textAt(store, ['endpoint']) ?? '').toLowerCase(), bucket, prefix]);
    const earlier = first.get(same);
    if (earlier === undefined) first.set(same, name);
    if (earlier === undefined) return [];
    const problem = `is the bucket and prefix of the store ${earlier} too`;
    return [{ path: ['storage', 'stores', name, 'bucket'], problem, hint: 'Give each its own prefix.' }];
  });
}

function halfCredentials(content: unknown): Finding[] {
  return Object.entries(mappingAt(content, ['storage', 'stores'])).flatMap(([name, store]): Finding[] => {
    const missing = ['access_key_id', 'secret_access_key'].filter((key) => at(store, [key]) === undefined);
    const [key] = missing;
    const given = missing.length === 1 || (missing.length === 2 && at(store, ['session_token']) !== undefined);
    if (textAt(store, ['bucket']) === undefined || key === undefined || !given) return [];
    const hint = 'Name both, or neither to use the credentials that the AWS SDK finds.';
    return [{ path: ['storage', 'stores', name, key], problem: 'is required beside the other credentials', hint }];
  });
}

function copies(content: unknown): Finding[] {
  const stores = Object.keys(mappingAt(content, ['storage', 'stores']));
  const main = textAt(content, ['storage', 'default']) ?? 'local';
  return listAt(content, ['storage', 'copies']).flatMap((name, index, all): Finding[] => {
    if (typeof name !== 'string') return [];
    const path = ['storage', 'copies', index];
    if (!stores.includes(name)) return [{ path, problem: `names no store (${stores.join(', ')})` }];
    if (name === main) return [{ path, problem: 'is the default store: every backup lies there already' }];
    return all.indexOf(name) < index ? [{ path, problem: 'is named twice' }] : [];
  });
}

function defaultStore(content: unknown): Finding[] {
  const written = textAt(content, ['storage', 'default']);
  const hasStores = at(content, ['storage', 'stores']) !== undefined;
  const stores = hasStores ? Object.keys(mappingAt(content, ['storage', 'stores'])) : ['local'];
  const name = written ?? 'local';
  if (stores.includes(name)) return [];
  const problem =
    written === undefined ? 'is required: no store is named "local"' : `names no store (${stores.join(', ')})`;
  const meant = nearest(name, stores);
  return [
    { path: ['storage', 'default'], problem, hint: meant === undefined ? undefined : `Did you mean "${meant}"?` },
  ];
}

function panelConnection(content: unknown): Finding[] {
  const flavour = PANEL_FLAVOURS.find((known) => known === textAt(content, ['panel', 'flavour'])) ?? 'none';
  // Wings' configuration has all three; one that is given goes before it.
  if (flavour === 'none' || textAt(content, ['front', 'wings_config']) !== undefined) return [];
  return ['url', 'token_id', 'token']
    .filter((key) => at(content, ['panel', key]) === undefined)
    .map((key) => ({ path: ['panel', key], problem: `is required with the flavour ${flavour}` }));
}

function powerOfWings(content: unknown): Finding[] {
  if (textAt(content, ['power', 'driver']) !== 'wings' || at(content, ['front']) !== undefined) return [];
  return ['url', 'token']
    .filter((key) => at(content, ['power', key]) === undefined)
    .map((key) => ({ path: ['power', key], problem: 'is required with the driver wings, unless there is a front' }));
}

/** Which game a server runs is for its panel to say, and what the console says is waited for after a line alone. */
function quiesce(content: unknown): Finding[] {
  const found: Finding[] = [];
  const flavour = textAt(content, ['panel', 'flavour']) ?? 'none';
  if (textAt(content, ['power', 'quiesce']) === 'auto' && (flavour === 'none' || flavour.startsWith('stellar'))) {
    const hint =
      'Set panel.flavour: pterodactyl, pelican, calagopus; or name the lines in power.prepare and power.resume.';
    found.push({ path: ['power', 'quiesce'], problem: 'needs a panel that says which game a server runs', hint });
  }
  const isSilent =
    textAt(content, ['power', 'driver']) === 'wings' && listAt(content, ['power', 'prepare']).length === 0;
  if (isSilent && textAt(content, ['power', 'saved']) !== undefined) {
    const problem = 'is of no use without power.prepare';
    found.push({ path: ['power', 'saved'], problem, hint: 'Name the lines that are typed, or leave it out.' });
  }
  return found;
}
