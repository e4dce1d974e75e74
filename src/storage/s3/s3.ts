/**
 * A store in a bucket of S3 or a compatible service: objects `<prefix><server>/<backup>.tar.gz`, `.index` and `.json`,
 * and the node's marker (marker.ts).
 *
 * For: keeping backups off the node. Promises: what store.ts promises, except that reading an object that is replaced
 * or removed fails with `archive_damaged`; archives stream through a few buffers, never through this host's disk; no
 * open upload is left behind on failure or abort, once `sweep` reaches the service, nor after a crash, once the next run uses
 * the store. Never: touches
 * names other than keys under its own prefix.
 */
import { type Clock, DAY_MS, systemClock } from '../../base/clock.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import { Pace } from '../../base/rates.ts';
import type { ByteSource } from '../../base/source.ts';
import type { S3StoreConfig } from '../../config/types.ts';
import { keyParts, type ObjectKey, parseKey } from '../key.ts';
import type { StoreIdentity } from '../identity.ts';
import type { BodyRules } from './body.ts';
import { type CallOptions, type OpenUpload, S3Bucket } from './bucket.ts';
import { type Connection, connectS3, isPathStyle } from './connect.ts';
import { serviceCode } from './failure.ts';
import { requireOwnPrefix } from './marker.ts';
import { choosePartSize } from './parts.ts';
import { encodeKey, presignGet } from './presign.ts';
import { type RetryPort, systemRetry } from '../../base/retry.ts';
import { S3Source } from './source.ts';
import { S3Writer } from './writer.ts';
import type { CreateOptions, ObjectWriter, PresignOptions, Store, StoredObject } from '../store.ts';

/** How long writers rely on the last check of the marker. */
const BELIEVED_MS = 60_000;
/** How long opening waits for a service that does not answer. */
const OPENING_MS = 5_000;
/** How long a check of the store's state waits. */
const CHECK_MS = 10_000;

export interface S3StoreOptions {
  readonly name: string;
  readonly config: S3StoreConfig;
  readonly identity: StoreIdentity;
  /** Bytes per second of all uploads to this store together; 0 for no limit. */
  readonly uploadRate?: () => number;
  /** Called with the names of uploads that an earlier run left open and that were aborted. */
  readonly onSwept?: (names: readonly string[]) => void;
  readonly clock?: Clock;
  readonly retry?: RetryPort;
  /** Milliseconds without progress before a request is given up. */
  readonly idleMs?: number;
}

export interface OpenedS3Store {
  readonly store: S3Store;
  /** Why the store cannot be used at present; each call tries again. */
  readonly fault: Failure | null;
}

/**
 * Opens a store even while it is unreachable, so that a daemon can start without the service.
 *
 * @throws Failure `config_invalid` when a file named in the config cannot be read.
 */
export async function openS3Store(options: S3StoreOptions): Promise<OpenedS3Store> {
  const store = new S3Store(options, await connectS3(options.name, options.config, options.idleMs));
  try {
    await store.prepare({ patience: 'once', signal: AbortSignal.timeout(OPENING_MS) });
    return { store, fault: null };
  } catch (error) {
    return { store, fault: asFailure(error, 'Cannot open the store') };
  }
}

export class S3Store implements Store {
  readonly name: string;
  readonly type = 's3';
  readonly #options: S3StoreOptions;
  readonly #config: S3StoreConfig;
  readonly #connection: Connection;
  readonly #bucket: S3Bucket;
  readonly #clock: Clock;
  readonly #retry: RetryPort;
  readonly #rules: BodyRules;
  /** Ids of open uploads of this process, and names of those that are being begun. */
  readonly #underWay = new Set<string>();
  #believedUntil = Number.NEGATIVE_INFINITY;
  /** The search for uploads of an earlier run; all wait for it, or it might take a new upload for an old one. */
  #sweeping: Promise<void> | undefined;
  #hasSweepFailed = false;
  #closed = false;

  constructor(options: S3StoreOptions, connection: Connection) {
    const { name, config, clock = systemClock, retry = systemRetry, uploadRate = () => 0 } = options;
    this.name = name;
    this.#options = options;
    this.#config = config;
    this.#connection = connection;
    this.#clock = clock;
    this.#retry = retry;
    const place = { store: name, bucket: config.bucket, region: config.region, host: connection.origin.host };
    this.#bucket = new S3Bucket(connection, config, place, retry);
    const pace = new Pace(clock, uploadRate, () => undefined);
    this.#rules = { rate: uploadRate, pace, encrypted: connection.origin.protocol === 'https:' };
  }

  async create(text: ObjectKey, { expectedSize, signal }: CreateOptions = {}): Promise<ObjectWriter> {
    const key = this.#ready(text);
    const partSize = choosePartSize(expectedSize, this.#config.partSize);
    if (this.#clock.monotonic() >= this.#believedUntil) await this.prepare({ signal });
    const place = {
      bucket: this.#bucket,
      key,
      name: this.#nameOf(key),
      partSize,
      rules: this.#rules,
      underWay: this.#underWay,
      sweep: () => this.#abortUploadsOf(key),
    };
    return new S3Writer(place, signal);
  }

  async open(text: ObjectKey): Promise<ByteSource> {
    const key = this.#ready(text);
    const facts = await this.#head(key, 'Cannot read the archive');
    const bucket = this.#bucket;
    if (facts !== undefined) return new S3Source({ bucket, key, name: this.#nameOf(key), facts, retry: this.#retry });
    throw new Failure('archive_damaged', `Cannot read the archive: ${key} is missing from the store`, {
      facts: { key, store: this.name },
      hint: 'The object was removed from the outside. Delete this backup, or put the object back.',
    });
  }

  async stat(text: ObjectKey): Promise<{ readonly size: number } | undefined> {
    const key = this.#ready(text);
    const facts = await this.#head(key, `Cannot look up ${key}`);
    return facts === undefined ? undefined : { size: facts.size };
  }

  /** Also aborts open uploads of the key, except those of current writers. */
  async remove(text: ObjectKey): Promise<void> {
    const key = this.#ready(text);
    if (this.#clock.monotonic() >= this.#believedUntil) await this.prepare({});
    await this.#bucket.remove(this.#nameOf(key), `Cannot remove ${key}`);
    // The object is gone. Without permission to list uploads, the bucket's lifecycle rule has to remove them.
    await unlessForbidden(() => this.#abortUploadsOf(key));
  }

  /** Aborts uploads that no current writer has open: of writers that failed while the service was away. */
  async sweep(): Promise<readonly string[]> {
    this.#requireOpen();
    await this.check();
    return (await unlessForbidden(() => this.#abortUploads(this.#config.prefix))) ?? [];
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void> {
    this.#requireOpen();
    await this.check();
    const own = this.#config.prefix;
    for await (const { name, size } of this.#bucket.list(`${own}${prefix}`, 'Cannot list the store')) {
      const key = name.slice(own.length);
      if (keyParts(key) !== undefined) yield { key: parseKey(key), size };
    }
  }

  async freeSpace(): Promise<null> {
    this.#requireOpen();
    return null;
  }

  async check(): Promise<void> {
    await this.prepare({ signal: AbortSignal.timeout(CHECK_MS) });
  }

  /** Checks that the prefix is this node's, and once per run aborts uploads that an earlier run left open. */
  async prepare(options: CallOptions): Promise<void> {
    const { prefix, adopt } = this.#config;
    await requireOwnPrefix(this.#bucket, { prefix, adopt, identity: this.#options.identity }, options);
    await this.#sweepOnce();
    this.#believedUntil = this.#clock.monotonic() + BELIEVED_MS;
  }

  async presign(text: ObjectKey, options: PresignOptions): Promise<string | undefined> {
    const key = this.#ready(text);
    if (this.#config.download !== 'redirect') return undefined;
    const { client } = this.#connection;
    const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials();
    // The SDK learns from responses how far this host's clock is off.
    const now = this.#clock.now() + client.config.systemClockOffset;
    return presignGet({
      url: this.#urlOf(key),
      region: this.#config.region,
      credentials: { accessKeyId, secretAccessKey, sessionToken },
      now,
      expiresSeconds: options.expiresSeconds,
      query: {
        'response-content-disposition': `attachment; filename="${options.fileName}"`,
        'response-content-type': 'application/gzip',
      },
    });
  }

  async protect(text: ObjectKey, locked: boolean): Promise<void> {
    const key = this.#ready(text);
    const { objectLock, objectLockDays } = this.#config;
    const doing = `Cannot change the object lock of ${key}`;
    if (objectLock === 'none') return;
    if (objectLock === 'legal-hold') return this.#bucket.setLegalHold(this.#nameOf(key), locked, doing);
    // A retention cannot be taken back; it expires.
    if (!locked) return;
    const mode = objectLock === 'governance' ? 'GOVERNANCE' : 'COMPLIANCE';
    await this.#bucket.setRetention(this.#nameOf(key), mode, this.#clock.now() + objectLockDays * DAY_MS, doing);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#bucket.close();
  }

  async #head(key: ObjectKey, doing: string): ReturnType<S3Bucket['head']> {
    const facts = await this.#bucket.head(this.#nameOf(key), doing);
    // A HEAD response has no body, so a missing or different bucket looks like a missing object.
    if (facts === undefined) await this.check();
    return facts;
  }

  /**
   * Looks for uploads of an earlier run, until a search came to its end or the service does not allow one. Rejects only the
   * first time: the store can be used without.
   */
  async #sweepOnce(): Promise<void> {
    const sweeping = (this.#sweeping ??= this.#abortUploads(this.#config.prefix).then((names) => {
      this.#options.onSwept?.(names);
    }));
    try {
      await sweeping;
    } catch (error) {
      const isPassing = error instanceof Failure && error.retry;
      if (this.#sweeping === sweeping) this.#sweeping = isPassing ? undefined : Promise.resolve();
      if (this.#hasSweepFailed) return;
      this.#hasSweepFailed = true;
      throw error;
    }
  }

  #isUnderWay({ id, name }: OpenUpload): boolean {
    return this.#underWay.has(id) || this.#underWay.has(name);
  }

  async #abortUploadsOf(key: ObjectKey): Promise<void> {
    const name = this.#nameOf(key);
    for await (const upload of this.#bucket.uploads(name, `Cannot look for uploads of ${key}`)) {
      if (upload.name !== name || this.#isUnderWay(upload)) continue;
      await this.#bucket.abortUpload(upload, `Cannot abort an upload of ${key}`);
    }
  }

  async #abortUploads(prefix: string): Promise<string[]> {
    const aborted: string[] = [];
    for await (const upload of this.#bucket.uploads(prefix, 'Cannot look for open uploads')) {
      if (keyParts(upload.name.slice(prefix.length)) === undefined || this.#isUnderWay(upload)) continue;
      await this.#bucket.abortUpload(upload, 'Cannot abort an upload of an earlier run');
      aborted.push(upload.name);
    }
    return aborted;
  }

  #urlOf(key: ObjectKey): URL {
    const { bucket } = this.#config;
    const { origin } = this.#connection;
    const path = `/${encodeKey(this.#nameOf(key))}`;
    const base = origin.pathname.replace(/\/$/, '');
    if (isPathStyle(this.#config)) return new URL(`${base}/${bucket}${path}`, origin);
    return new URL(`${base}${path}`, `${origin.protocol}//${bucket}.${origin.host}`);
  }

  #nameOf(key: ObjectKey): string {
    return `${this.#config.prefix}${key}`;
  }

  #ready(text: ObjectKey): ObjectKey {
    this.#requireOpen();
    return parseKey(text);
  }

  #requireOpen(): void {
    if (this.#closed) throw new Failure('internal', `Cannot use the store ${this.name}: it is closed`);
  }
}

/** Undefined where the service does not let this node do that, or cannot. */
async function unlessForbidden<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (serviceCode(error) !== 'AccessDenied' && serviceCode(error) !== 'NotImplemented') throw error;
    return undefined;
  }
}
