/** The configuration of a Roost before Wings, completed by what Wings' own file says. */
import { Failure } from '../base/failure.ts';
import { randomBytes } from 'node:crypto';
import { findNesting } from '../config/nesting.ts';
import { Secret } from '../config/secret.ts';
import type { Config } from '../config/types.ts';
import { readWingsConfig, type WingsConfig } from '../servers/wings-config.ts';

/** An address that no name is ever resolved to (RFC 6761): the panel of a Wings whose file could not be read. */
const NO_PANEL = 'http://wings-configuration.invalid';

export interface FrontSource {
  /** Complete: panel, origins, directories and the token of Wings. */
  readonly complete: (config: Config) => Config;
  /** Why Wings' file could not be read at the start. */
  readonly fault: Failure | undefined;
  /** A later content of the file. */
  readonly take: (wings: WingsConfig) => void;
}

/**
 * Reads Wings' file. One that cannot be read is a fault and not the end: requests are passed on all the same.
 *
 * @throws Failure `config_invalid` when a store lies in the directory of the servers that Wings' file names.
 */
export async function openFrontSource(config: Config): Promise<FrontSource> {
  const path = config.front?.wingsConfig ?? null;
  let wings: WingsConfig | undefined;
  let fault: Failure | undefined;
  try {
    if (path !== null) wings = await readWingsConfig(path);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    fault = error;
  }
  const unknown = new Secret(randomBytes(32).toString('hex'));
  const complete = (each: Config): Config => (each.front === null ? each : completed(each, wings, unknown));
  const [mixed] = config.front === null ? [] : await findNesting(complete(config));
  if (mixed !== undefined) {
    throw new Failure(
      'config_invalid',
      `Cannot use the directories of Wings: ${mixed.path.join('.')} ${mixed.problem}`,
      {
        hint: mixed.hint,
      },
    );
  }
  return { complete, fault, take: (next) => void (wings = next) };
}

function completed(config: Config, wings: WingsConfig | undefined, unknown: Secret): Config {
  const { panel, servers, power } = config;
  const { url, tokenId, token } = panel.given;
  const connection = {
    url: url ?? wings?.remote ?? NO_PANEL,
    tokenId: tokenId ?? wings?.tokenId ?? 'unknown',
    token: token ?? wings?.token ?? unknown,
  };
  const former = wings?.backupDirectory ?? null;
  const directories = new Set([...panel.backupDirectories, ...(former === null ? [] : [former])]);
  if (power.driver === 'wings' && power.token.reveal() === '') power.token.renew(connection.token);
  return {
    ...config,
    servers: servers.root === null && servers.list.length === 0 ? { ...servers, root: wings?.data ?? null } : servers,
    panel: {
      ...panel,
      connection,
      allowedOrigins: [...new Set([...panel.allowedOrigins, ...(wings?.allowedOrigins ?? [])])],
      backupDirectories: [...directories],
    },
  };
}
