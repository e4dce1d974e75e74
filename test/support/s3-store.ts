/** Stores in buckets of a test's own, with retries that do not wait. */
import {
  CreateBucketCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { onTestFinished } from 'vitest';
import type { S3StoreConfig } from '../../src/config/types.ts';
import { Secret } from '../../src/config/config.ts';
import { type OpenedS3Store, openS3Store, type S3StoreOptions } from '../../src/storage/s3/s3.ts';
import type { RetryPort } from '../../src/base/retry.ts';
import { ACCESS_KEY, SECRET_KEY, type S3Server } from './s3-server.ts';
import { MemoryIdentity } from './scratch-store.ts';

/** Asks again at once; a turn of the event loop goes by, so that nothing starves. */
export const hastyRetry: RetryPort = {
  random: () => 0,
  pause: async (_, signal) => {
    await new Promise((resolve) => setImmediate(resolve));
    signal?.throwIfAborted();
  },
};

export function s3Config(endpoint: string, change: Partial<S3StoreConfig> = {}): S3StoreConfig {
  return {
    type: 's3',
    endpoint,
    region: 'us-east-1',
    bucket: 'backups',
    prefix: '',
    accessKeyId: new Secret(ACCESS_KEY),
    secretAccessKey: new Secret(SECRET_KEY),
    sessionToken: null,
    pathStyle: null,
    caFile: null,
    partSize: null,
    encryption: 'none',
    kmsKeyId: null,
    storageClass: null,
    tags: {},
    objectLock: 'none',
    objectLockDays: 30,
    download: 'agent',
    adopt: null,
    ...change,
  };
}

let buckets = 0;

export async function newBucket(client: S3Client): Promise<string> {
  const bucket = `bucket-${process.pid}-${++buckets}`;
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  return bucket;
}

export interface ScratchS3Store extends OpenedS3Store {
  readonly identity: MemoryIdentity;
  readonly config: S3StoreConfig;
}

/** A store in a new bucket, unless the config names one. */
export async function scratchS3Store(
  server: Pick<S3Server, 'endpoint' | 'client'>,
  change: Partial<S3StoreConfig> = {},
  options: Partial<Omit<S3StoreOptions, 'identity'>> & { readonly identity?: MemoryIdentity } = {},
): Promise<ScratchS3Store> {
  const bucket = change.bucket ?? (await newBucket(server.client));
  const config = s3Config(server.endpoint, { ...change, bucket });
  const { identity = new MemoryIdentity() } = options;
  const opened = await openS3Store({ name: 'offsite', config, retry: hastyRetry, ...options, identity });
  onTestFinished(() => opened.store.close());
  return { ...opened, identity, config };
}

/** What lies in a bucket: names of objects but for the marker, and of uploads that were neither completed nor aborted. */
export async function bucketContent(
  client: S3Client,
  bucket: string,
): Promise<{ readonly objects: readonly string[]; readonly uploads: readonly string[] }> {
  const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket }));
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }));
  const objects = Contents.map(({ Key = '' }) => Key).filter((name) => !name.endsWith('.roost-store'));
  return { objects, uploads: Uploads.map(({ Key = '' }) => Key) };
}
