/** Loads the SDK and makes a client from the config. Sends nothing. */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import https from 'node:https';
import type { S3Client } from '@aws-sdk/client-s3';
import type { S3StoreConfig } from '../../config/types.ts';
import { attempt, errnoOf, Failure } from '../../base/failure.ts';

export type Sdk = typeof import('@aws-sdk/client-s3');

/** A connection without progress for this long is cut, and the request retried. */
export const IDLE_MS = 60_000;
const CONNECT_MS = 10_000;
const MAX_SOCKETS = 32;

export interface Connection {
  readonly sdk: Sdk;
  readonly client: S3Client;
  /** Scheme, host and port of the service. */
  readonly origin: URL;
}

/**
 * @param idleMs milliseconds without progress before a request is given up.
 * @throws Failure `config_invalid` when the CA file cannot be read.
 */
export async function connectS3(name: string, config: S3StoreConfig, idleMs = IDLE_MS): Promise<Connection> {
  const agent = { keepAlive: true, maxSockets: MAX_SOCKETS };
  const authority = config.caFile === null ? undefined : await authorityOf(name, config.caFile);
  // Not imported at the top: the SDK takes longer to load than everything else together.
  const sdk = await import('@aws-sdk/client-s3');
  const { accessKeyId, secretAccessKey, sessionToken } = config;
  const credentials =
    accessKeyId === null || secretAccessKey === null
      ? {}
      : {
          // The SDK asks again for credentials that are about to expire: a reload may have renewed them.
          credentials: async () => ({
            accessKeyId: accessKeyId.reveal(),
            secretAccessKey: secretAccessKey.reveal(),
            sessionToken: sessionToken?.reveal(),
            expiration: new Date(0),
          }),
        };
  const client = new sdk.S3Client({
    region: config.region,
    ...(config.endpoint === null ? {} : { endpoint: config.endpoint }),
    ...credentials,
    forcePathStyle: isPathStyle(config),
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    // Some services and proxies do not answer 100-continue.
    expectContinueHeader: false,
    // retry.ts does the retries; it knows what may be sent twice.
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: idleMs,
      httpAgent: agent,
      httpsAgent: config.caFile === null ? agent : new AuthorityAgent(agent, config.caFile, authority ?? ''),
    },
  });
  return { sdk, client, origin: new URL(config.endpoint ?? `https://s3.${config.region}.amazonaws.com`) };
}

/** Reads the authority's file for each new connection, of which there are few: it may have been renewed. */
class AuthorityAgent extends https.Agent {
  readonly #file: string;
  #last: string;

  constructor(options: https.AgentOptions, file: string, first: string) {
    super(options);
    this.#file = file;
    this.#last = first;
  }

  override createConnection(...[options, connected]: Parameters<https.Agent['createConnection']>) {
    // A file that is just being replaced is read again for the next connection.
    this.#last = attempt(() => readFileSync(this.#file, 'utf8')) ?? this.#last;
    return super.createConnection({ ...options, ca: this.#last }, connected);
  }
}

/** True when the bucket is part of the URL's path. */
export function isPathStyle({ endpoint, pathStyle }: Pick<S3StoreConfig, 'endpoint' | 'pathStyle'>): boolean {
  return pathStyle ?? endpoint !== null;
}

async function authorityOf(name: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new Failure('config_invalid', `Cannot use the store "${name}": its ca_file ${path} cannot be read`, {
      cause: error,
      facts: { store: name, path, errno: errnoOf(error) },
      hint: 'Check that the file exists and that Roost may read it.',
    });
  }
}
