/**
 * The address that the panel last pushed for this node. The front does not pass it to Wings, so it is kept here: when it
 * differs from the front's address, the panel and its users try to reach the node where nothing listens.
 *
 * The daemon replaces the file after each push that Wings has accepted; `roost doctor` reads it.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { attempt } from '../base/failure.ts';
import type { FrontConfig } from '../config/types.ts';

export interface PanelPush {
  /** Undefined where a push named none. */
  readonly port?: number | undefined;
  readonly tls?: boolean | undefined;
  /** The host name by which it calls the node. */
  readonly name?: string | undefined;
}

const NAME = 'panel-push.json';
const MAX_BYTES = 1024;
const Push = z.object({ port: z.number().optional(), tls: z.boolean().optional(), name: z.string().optional() });

/** @throws the system error, such as on a full disk. */
export function keepPush(stateDirectory: string, { port, tls, name }: PanelPush): void {
  const path = join(stateDirectory, NAME);
  fs.writeFileSync(`${path}.partial`, JSON.stringify({ port, tls, name }), { mode: 0o600 });
  fs.renameSync(`${path}.partial`, path);
}

/** Undefined where the panel has pushed nothing yet, or this user may not see the state directory. */
export function readPush(stateDirectory: string): PanelPush | undefined {
  return attempt(() => {
    const path = join(stateDirectory, NAME);
    const stats = fs.lstatSync(path);
    return stats.isFile() && stats.size <= MAX_BYTES
      ? Push.parse(JSON.parse(fs.readFileSync(path, 'utf8')))
      : undefined;
  });
}

/**
 * What the panel believes, and what is; one sentence each. The port may be mapped, and TLS may end before this node, so
 * each is a question to an operator.
 */
export function pushDiffers({ port, tls }: PanelPush, listen: FrontConfig['listen']): readonly string[] {
  const differences: string[] = [];
  if (port !== undefined && listen.port !== 0 && port !== listen.port) {
    differences.push(`the panel calls this node at port ${port}, and front.listen.port is ${listen.port}`);
  }
  if (tls !== undefined && tls !== (listen.tls !== null)) {
    differences.push(
      `the panel calls this node by ${tls ? 'https' : 'http'}, and front.listen speaks ${listen.tls === null ? 'http' : 'https'}`,
    );
  }
  return differences;
}
