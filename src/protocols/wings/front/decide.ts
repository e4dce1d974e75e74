/**
 * What becomes of a request before Wings: the one decision, made on the decoded path, as Wings' router matches it.
 *
 * For: the front's listener. Promises: pure; what no line of the table names is passed, so that a newer Wings keeps
 * working. Never: looks at credentials.
 *
 * Sources: pterodactyl/wings router/router.go, calagopus/wings src/routes.
 */
import type { RequestHead } from '../../../relay/relay.ts';
import type { RouteFacts } from '../flavours/contract.ts';

/** What a watched request means for Roost besides being passed. */
export type Watched =
  'socket' | 'update' | 'deny' | 'deauthorize' | 'permissions' | 'delete server' | 'new server' | 'sync';

/** What is refused while a server is being restored. */
export type Locked = 'power' | 'power of many' | 'install' | 'transfer' | 'files' | 'upload';

export type Decision =
  | { readonly how: 'serve' | 'pass' }
  | { readonly how: 'watch'; readonly what: Watched; readonly server: string | undefined }
  /** Served where it is in a backup of Roost, else passed. */
  | { readonly how: 'browse'; readonly server: string | undefined }
  /** Served where Roost has this backup, else passed. */
  | { readonly how: 'ask'; readonly backup: string }
  | { readonly how: 'lock'; readonly what: Locked; readonly server: string | undefined };

type Facts = Pick<RouteFacts, 'deletesAllBackups' | 'deletesWithoutServer' | 'changesPermissions' | 'browsesBackups'>;

const SERVE: Decision = { how: 'serve' };
const PASS: Decision = { how: 'pass' };

export function decide({ method, segments }: Pick<RequestHead, 'method' | 'segments'>, facts: Facts): Decision {
  const [first, second] = segments;
  // A router has no parameter without a character, and no route that ends in a slash.
  if (segments.includes('')) return PASS;
  if (first === 'download' && second === 'backup' && segments.length === 2) return isLook(method) ? SERVE : PASS;
  if (first === 'download' && isFileLink(second) && segments.length === 2) {
    return facts.browsesBackups === true && method === 'GET' ? { how: 'browse', server: undefined } : PASS;
  }
  if (first === 'upload' && second === 'file' && segments.length === 2) return lockedIf(method === 'POST', 'upload');
  if (first !== 'api') return PASS;
  if (second === 'servers') return ofServers(method, segments.slice(2), facts);
  if (second === 'backups' && segments.length === 3) {
    return facts.deletesWithoutServer === true && method === 'DELETE' ? SERVE : PASS;
  }
  if (second === 'backups' && segments.length === 4 && segments[3] === 'query') {
    const [, , backup = ''] = segments;
    return facts.deletesWithoutServer === true && method === 'GET' ? { how: 'ask', backup } : PASS;
  }
  if (method === 'POST' && segments.length === 2) {
    if (second === 'update') return { how: 'watch', what: 'update', server: undefined };
    if (second === 'deauthorize-user') return { how: 'watch', what: 'deauthorize', server: undefined };
  }
  return PASS;
}

/** True for a path that Roost serves with some method: preflights of it are answered here. */
export function servesPath({ segments }: Pick<RequestHead, 'segments'>, facts: Facts): boolean {
  return ['GET', 'POST', 'DELETE'].some((method) => decide({ method, segments }, facts).how === 'serve');
}

function ofServers(method: string, rest: readonly string[], facts: Facts): Decision {
  const [server, topic, name, last] = rest;
  if (server === undefined) return watchedIf(method === 'POST', 'new server', undefined);
  if (topic === undefined) {
    // Calagopus: a change of many servers at once, where no server has that name.
    if (server === 'power' && method === 'POST') return { how: 'lock', what: 'power of many', server: undefined };
    return watchedIf(method === 'DELETE', 'delete server', server);
  }
  if (topic === 'backup') return ofBackups(method, rest.slice(2));
  if (topic === 'deleteAllBackups' && rest.length === 2) {
    return facts.deletesAllBackups === true && method === 'DELETE' ? SERVE : PASS;
  }
  if (topic === 'ws') return ofSocket(method, name, rest.length, server, facts);
  const isBrowsed = topic === 'files' && (name === 'list' || name === 'contents') && last === undefined;
  if (isBrowsed && method === 'GET' && facts.browsesBackups === true) return { how: 'browse', server };
  if (topic === 'files') return isLook(method) || method === 'OPTIONS' ? PASS : { how: 'lock', what: 'files', server };
  if (method !== 'POST' || last !== undefined || name !== undefined) return PASS;
  if (topic === 'sync') return { how: 'watch', what: 'sync', server };
  const what = LOCKED.get(topic);
  return what === undefined ? PASS : { how: 'lock', what, server };
}

const LOCKED: ReadonlyMap<string, Locked> = new Map([
  ['power', 'power'],
  ['install', 'install'],
  ['reinstall', 'install'],
  ['script', 'install'],
  ['transfer', 'transfer'],
]);

function ofBackups(method: string, rest: readonly string[]): Decision {
  const [backup, verb, more] = rest;
  if (backup === undefined) return method === 'POST' ? SERVE : PASS;
  if (verb === undefined) return method === 'DELETE' ? SERVE : PASS;
  return verb === 'restore' && more === undefined && method === 'POST' ? SERVE : PASS;
}

function ofSocket(
  method: string,
  name: string | undefined,
  length: number,
  server: string,
  { changesPermissions }: Facts,
): Decision {
  if (name === undefined) return watchedIf(method === 'GET', 'socket', server);
  if (method !== 'POST' || length !== 3) return PASS;
  if (name === 'deny') return { how: 'watch', what: 'deny', server };
  return watchedIf(name === 'permissions' && changesPermissions === true, 'permissions', server);
}

function watchedIf(applies: boolean, what: Watched, server: string | undefined): Decision {
  return applies ? { how: 'watch', what, server } : PASS;
}

function lockedIf(applies: boolean, what: Locked): Decision {
  return applies ? { how: 'lock', what, server: undefined } : PASS;
}

function isFileLink(name: string | undefined): boolean {
  return name === 'file' || name === 'files' || name === 'directory';
}

function isLook(method: string): boolean {
  return method === 'GET' || method === 'HEAD';
}
