/**
 * What a panel's link to files asks for. The signature is good; times, scope and user are checked by `tokens/rules.ts`.
 *
 * Source: calagopus/panel backend/src/routes/api/client/servers/_server_/files/download.rs.
 */
import { z } from '@hono/zod-openapi';
import { isUuid, parseServerId, type ServerId } from '../../../base/ids.ts';
import { signedClaims } from '../../json-web-token.ts';

export interface FileClaims {
  readonly server: ServerId;
  /** A file or directory; with `names`, the directory that holds them. */
  readonly path: string;
  readonly names: readonly string[] | undefined;
  /** The user must not see all files of the server. */
  readonly hides: boolean;
}

const Claims = z.object({
  server_uuid: z.string().toLowerCase().refine(isUuid),
  file_path: z.string(),
  file_paths: z.array(z.string()).min(1).max(10_000).optional(),
  ignored_files: z.array(z.string()).nullish(),
});

/** @returns undefined for a link to something else. */
export function fileClaims(token: string, key: Uint8Array): FileClaims | undefined {
  const { data } = Claims.safeParse(signedClaims(token, key));
  if (data === undefined) return undefined;
  const { server_uuid: server, file_path: path, file_paths: names, ignored_files: ignored } = data;
  return { server: parseServerId(server), path, names, hides: (ignored ?? []).length > 0 };
}
