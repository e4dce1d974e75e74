/** Roost's configuration of front mode: a new one, or what has to change in the one that is there. */
import { isDeepStrictEqual } from 'node:util';
import { isMap, type Document, parseDocument } from 'yaml';
import { type Config, parseConfig } from '../../config/config.ts';
import { Failure } from '../../base/failure.ts';
import type { FrontHost } from './host.ts';
import type { Takeover } from './look.ts';

const HEAD = ` Made by "roost front". Every key is in config.example.yml; the secrets of the node stay in Wings' file.`;

export interface FrontConfiguration {
  readonly text: string;
  /** As the daemon will read the text. */
  readonly config: Config;
  /** True when the default store was a vault, and is plain now. */
  readonly plain: boolean;
}

/**
 * @param former what is there; undefined for a new one.
 * @throws Failure `config_invalid` when what is there cannot be used, also with the changes.
 */
export function frontConfig(
  former: string | undefined,
  takeover: Takeover,
  path: string,
  env: FrontHost['env'],
): FrontConfiguration {
  const document = parseDocument(former ?? '{}\n');
  if (former === undefined) {
    document.commentBefore = HEAD;
    if (isMap(document.contents)) document.contents.flow = false;
  }
  const set = (keys: readonly string[], value: unknown): void => setWhereOther(document, keys, value);
  const { listen, wings, wingsConfig, trustedProxies, kind, data, owner } = takeover;
  const plain = takeover.stands ? undefined : vaultIn(document);
  if (plain !== undefined) set([...plain, 'layout'], 'plain');
  set(['servers', 'root'], data);
  set(['panel', 'flavour'], kind);
  set(['front'], { listen, wings, wings_config: wingsConfig, ...proxies(trustedProxies) });
  const driver = document.getIn(['power', 'driver']);
  if (driver !== 'command') {
    const kept = driver === 'wings' ? document.toJS().power : {};
    const { url: _url, token: _token, ...rest } = kept as Record<string, unknown>;
    set(['power'], { ...rest, driver: 'wings' });
  }
  // So that Wings alone can restore them after an undo: it breaks at the first directory in an archive.
  if (kind !== 'calagopus') set(['backups', 'wings_readable'], true);
  const written = document.getIn(['restore', 'owner']);
  if (owner !== undefined && (written === undefined || written === 'archive')) set(['restore', 'owner'], owner);
  const text = document.toString({ lineWidth: 0 });
  // Throws for a faulty config before anything is changed.
  return { text, config: parseConfig(path, text, env), plain: plain !== undefined };
}

/**
 * Where the default store stands, when it is a vault, as in the example. An undo links archives into Wings' layout, which
 * takes a file for each. A host that has a front already keeps what was written there since.
 */
function vaultIn(document: Document): readonly string[] | undefined {
  const name: unknown = document.getIn(['storage', 'default']) ?? 'local';
  if (typeof name !== 'string') return undefined;
  const store = ['storage', 'stores', name];
  return document.getIn([...store, 'layout']) === 'vault' ? store : undefined;
}

/** @returns the configuration without a front, so that a later start of Roost does not take the node's address. */
export function withoutFront(text: string): string {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw new Failure('config_invalid', 'Cannot change the configuration: it is no YAML');
  document.set('front', null);
  document.setIn(['panel', 'flavour'], 'none');
  if (document.getIn(['power', 'driver']) === 'wings') document.set('power', document.createNode({ driver: 'none' }));
  return document.toString({ lineWidth: 0 });
}

function proxies(list: readonly string[]) {
  return list.length === 0 ? {} : { trusted_proxies: list };
}

/** Comments and the order of keys stay where nothing changes. */
function setWhereOther(document: Document, keys: readonly string[], value: unknown): void {
  const now: unknown = keys.reduce<unknown>(
    (at, key) => (at as Record<string, unknown> | null)?.[key],
    document.toJS(),
  );
  if (!isDeepStrictEqual(now, value)) document.setIn(keys, document.createNode(value));
}
