/**
 * Writes the panel's answer into a new or existing config. Changes only the panel section and the API address; comments
 * and other keys stay.
 */
import { randomBytes } from 'node:crypto';
import { Document, parseDocument } from 'yaml';
import { parseConfig } from '../../config/config.ts';
import type { NodeConfiguration } from './node-configuration.ts';

export const PANEL_FLAVOURS = ['pterodactyl', 'pelican', 'calagopus'] as const;
export type ConfiguredFlavour = (typeof PANEL_FLAVOURS)[number];

export interface PanelAnswer {
  readonly flavour: ConfiguredFlavour;
  readonly url: string;
  readonly node: NodeConfiguration;
  /** Backup directory of the former daemon; null: none. */
  readonly backups: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws Failure `config_invalid` when the result is unusable. */
export function newConfig(file: string, answer: PanelAnswer, env: Environment): string {
  const document = new Document({
    api: {},
    state_directory: '/var/lib/roost',
    servers: { root: answer.node.servers },
    tokens: [{ id: 'admin', secret: randomBytes(24).toString('base64url'), permissions: ['*'], servers: ['*'] }],
    storage: { default: 'local', stores: { local: { type: 'local', directory: '/var/lib/roost/backups' } } },
    panel: {},
  });
  document.commentBefore = ' Made by "roost configure". Every setting is explained in config.example.yml.';
  return withAnswer(document, file, answer, env);
}

/**
 * @param text a usable config.
 * @throws Failure `config_invalid` when it is unusable, before or after the change.
 */
export function mergedConfig(file: string, text: string, answer: PanelAnswer, env: Environment): string {
  parseConfig(file, text, env);
  const document = parseDocument(text);
  // An empty file, or only comments.
  if (document.contents === null) document.contents = new Document({}).contents as never;
  return withAnswer(document, file, answer, env);
}

function withAnswer(document: Document, file: string, answer: PanelAnswer, env: Environment): string {
  const { node, flavour, url, backups } = answer;
  const set = (path: readonly string[], value: unknown): void => document.setIn(path, document.createNode(value));
  makeSection(document, 'api');
  makeSection(document, 'panel');
  set(['api', 'host'], node.host);
  set(['api', 'port'], node.port);
  if (node.tls !== null) set(['api', 'tls'], node.tls);
  set(['panel', 'flavour'], flavour);
  set(['panel', 'url'], url);
  set(['panel', 'token_id'], node.tokenId);
  set(['panel', 'token'], node.token);
  if (backups !== null && !document.hasIn(['panel', 'backup_directories'])) {
    set(['panel', 'backup_directories'], [backups]);
  }
  const written = document.toString({ lineWidth: 0 });
  parseConfig(file, written, env);
  return written;
}

/** An empty `panel:` counts as missing. */
function makeSection(document: Document, name: string): void {
  if (document.get(name) === null || !document.has(name)) document.set(name, document.createNode({}));
}
