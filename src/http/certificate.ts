/** The certificate of `api.tls`, checked before it is used. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { errnoOf, Failure } from '../base/failure.ts';
import type { ApiConfig } from '../config/types.ts';

/**
 * @param section of the config that names the files.
 * @returns both files' PEM bytes.
 * @throws Failure `config_invalid` when a file cannot be read, is no PEM, or the key is not the certificate's.
 */
export function readCertificate(
  { cert, key }: NonNullable<ApiConfig['tls']>,
  section = 'api.tls',
): { cert: Buffer; key: Buffer } {
  const pair = { cert: read(cert, section), key: read(key, section) };
  try {
    createSecureContext(pair);
  } catch (error) {
    // Messages of OpenSSL name the fault and never hold the key.
    const reason = error instanceof Error ? error.message : String(error);
    throw new Failure('config_invalid', `Cannot use the certificate ${cert} with the key ${key}: ${reason}`, {
      cause: error,
      hint: 'Check that both are PEM files and belong together, such as fullchain.pem and privkey.pem of one renewal.',
    });
  }
  return pair;
}

function read(path: string, section: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Failure('config_invalid', `Cannot read ${path}: ${errnoOf(error) ?? 'it is unreadable'}`, {
      cause: error,
      hint: `Check \`${section}\` in the config, and that Roost’s user may read both files.`,
    });
  }
}
