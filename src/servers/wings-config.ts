/**
 * Wings' own configuration file, which stays the one truth for the node's token.
 *
 * For: a Roost before a running Wings. Promises: only reads; a file that is being rewritten (Wings truncates it in
 * place) is read again later instead of being believed half; no fault repeats a secret. Never: keeps the token anywhere.
 *
 * Source: pterodactyl/wings config/config.go; pelican-dev/wings adds `file://` and `$NAME` for the token.
 */
import fs from 'node:fs/promises';
import { isAbsolute, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { attempt, errnoOf, Failure } from '../base/failure.ts';
import type { Log } from '../base/log/log.ts';
import type { Timers } from '../base/timers.ts';
import { Secret } from '../config/secret.ts';

export interface WingsConfig {
  readonly tokenId: string;
  readonly token: Secret;
  /** The panel's URL, without a slash at the end. */
  readonly remote: string;
  readonly allowedOrigins: readonly string[];
  /** Absolute paths; null where the file does not say. */
  readonly data: string | null;
  readonly backupDirectory: string | null;
  /** Where Wings listens at its next start. */
  readonly api: { readonly host: string; readonly port: number; readonly tls: boolean };
  /** The host name of the node, where the path of a certificate tells it. */
  readonly name: string | undefined;
}

const MOST_BYTES = 1024 * 1024;

const FileShape = z.object({
  token_id: z.coerce.string().min(1),
  token: z.coerce.string().min(1),
  remote: z.string().min(1),
  allowed_origins: z.array(z.string()).nullish(),
  api: z
    .object({
      host: z.string().nullish(),
      port: z.number().nullish(),
      ssl: z.object({ enabled: z.boolean().nullish(), cert: z.string().nullish() }).nullish(),
    })
    .nullish(),
  system: z.object({ data: z.string().nullish(), backup_directory: z.string().nullish() }).nullish(),
});

/**
 * @param path absolute.
 * @throws Failure `config_invalid` for what cannot be read, or lacks what is needed.
 */
export async function readWingsConfig(path: string): Promise<WingsConfig> {
  const text = await readText(path);
  // Aliases could make a small file large.
  const content: unknown = attempt(() => parse(text, { maxAliasCount: 0 }) as unknown);
  const { data, error } = FileShape.safeParse(content);
  if (data === undefined) throw unusable(path, faultOf(error));
  return {
    tokenId: await resolved(path, data.token_id),
    token: new Secret(await resolved(path, data.token)),
    remote: data.remote.replace(/\/+$/, ''),
    allowedOrigins: data.allowed_origins ?? [],
    data: absolute(data.system?.data),
    backupDirectory: absolute(data.system?.backup_directory),
    api: { host: data.api?.host ?? '0.0.0.0', port: data.api?.port ?? 8080, tls: data.api?.ssl?.enabled === true },
    name: nameInCertificatePath(data.api?.ssl?.cert),
  };
}

/**
 * The host name in the path of a certificate, as panels make it of the name of a node: `/etc/letsencrypt/live/<name>/`.
 *
 * Source: pterodactyl/panel, pelican-dev/panel app/Models/Node.php getConfiguration.
 */
export function nameInCertificatePath(path: string | null | undefined): string | undefined {
  return /^\/etc\/letsencrypt\/live\/([a-z0-9.:-]{1,253})\//i.exec(path ?? '')?.[1]?.toLowerCase();
}

/**
 * What would part Wings from its front at its next start.
 *
 * @param url of Wings, as the front reaches it.
 * @returns sentences, each naming a key of Wings' file.
 */
export function driftOf({ api }: Pick<WingsConfig, 'api'>, url: string): readonly string[] {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const found: string[] = [];
  if (api.port !== Number(port === '' ? 80 : port)) found.push(`api.port is ${api.port}, and front.wings is ${url}`);
  if (api.host !== host) found.push(`api.host is ${api.host}: Wings can be reached past Roost`);
  if (api.tls) found.push('api.ssl.enabled is true, and front.wings is plain http');
  return found;
}

export interface WingsConfigDeps {
  readonly path: string;
  readonly timers: Timers;
  /** Called for each new content; must not throw. */
  readonly onChange: (config: WingsConfig) => void;
  readonly log: Log;
}

const LOOK_EVERY_MS = 10_000;

/** Follows the file: it is read again when its size or time has changed. */
export class WingsConfigFile {
  readonly #deps: WingsConfigDeps;
  #seen = '';
  #unread = 0;
  #cancel: () => void = () => undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(deps: WingsConfigDeps) {
    this.#deps = deps;
  }

  /** Reads the file now, and from here on every ten seconds where it has changed. */
  async follow(): Promise<void> {
    await this.read();
    this.#lookLater();
  }

  /** Reads the file where it has changed. Never rejects. */
  read(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  async close(): Promise<void> {
    this.#cancel();
    this.#cancel = () => undefined;
    await this.#looking;
  }

  #lookLater(): void {
    this.#cancel = this.#deps.timers.after(LOOK_EVERY_MS, () => {
      void this.read();
      this.#lookLater();
    });
  }

  async #look(): Promise<void> {
    const { path, log, onChange } = this.#deps;
    try {
      const state = await stateOf(path);
      if (state === this.#seen) return;
      const config = await readWingsConfig(path);
      this.#seen = state;
      this.#unread = 0;
      onChange(config);
    } catch (error) {
      // Wings truncates the file before it writes it, so only a fault seen twice is logged.
      if (++this.#unread === 2)
        log.error('The configuration of Wings cannot be read: what was read before counts', { error });
    }
  }
}

async function stateOf(path: string): Promise<string> {
  const { size, mtimeNs, ino } = await fs.stat(path, { bigint: true });
  return `${size} ${mtimeNs} ${ino}`;
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await fs.stat(path);
    if (size > MOST_BYTES) throw unusable(path, `it has ${size} bytes`);
    return await fs.readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Failure) throw error;
    throw unusable(path, errnoOf(error) ?? String(error), error);
  }
}

/** Newer daemons take a file or a variable of their own environment, which Roost cannot see. */
async function resolved(path: string, written: string): Promise<string> {
  if (written.startsWith('file://')) {
    const file = attempt(() => fileURLToPath(written));
    if (file === undefined) throw unusable(path, 'its token is no file URL');
    return (await readText(file)).trim();
  }
  if (!/^\$(\w+|\{\w+\})$/.test(written)) return written;
  throw unusable(path, `its token is in the environment of Wings (${written}): set panel.token_id and panel.token`);
}

function absolute(path: string | null | undefined): string | null {
  return typeof path === 'string' && isAbsolute(path) ? normalize(path).replace(/(?<=.)\/$/, '') : null;
}

/** Names keys, never their values. */
function faultOf(error: z.ZodError | undefined): string {
  const keys = error?.issues.map((issue) => issue.path.join('.')).filter((key) => key !== '') ?? [];
  return keys.length === 0 ? 'it is no YAML mapping' : `these keys are missing or unusable: ${keys.join(', ')}`;
}

function unusable(path: string, state: string, cause?: unknown): Failure {
  return new Failure('config_invalid', `Cannot use the configuration of Wings ${path}: ${state}`, {
    cause,
    facts: { file: path },
    hint: 'Check `front.wings_config`, and that Roost may read that file.',
  });
}
