/**
 * The bytes of one request: a part or a small object. Kept until the service has them, so that each attempt sends all
 * of them.
 */
import { createHash, type Hash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Pace } from '../../base/rates.ts';
import type { Sdk } from './connect.ts';

/** The chunk size of a paced body; small, so that a slow rate flows evenly. */
const STEP = 64 * 1024;

export interface BodyRules {
  /** Bytes per second over all bodies; queried at the start of each attempt. */
  readonly rate: () => number;
  readonly pace: Pace;
  /** True when TLS protects the bytes: only then may the signature be made without their digest. */
  readonly encrypted: boolean;
}

/** Collects and hashes a body's bytes as they come, so that no call blocks to hash a whole part. */
export class BodyBuffer {
  readonly #bytes: Buffer;
  readonly #rules: BodyRules;
  #length = 0;
  #md5: Hash;
  #sha256: Hash | undefined;

  constructor(size: number, rules: BodyRules) {
    this.#bytes = Buffer.allocUnsafeSlow(size);
    this.#rules = rules;
    this.#md5 = createHash('md5');
    this.#sha256 = rules.encrypted ? undefined : createHash('sha256');
  }

  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length === this.#bytes.byteLength;
  }

  /** Takes as many bytes as fit and returns how many. */
  fill(bytes: Uint8Array): number {
    const count = Math.min(bytes.byteLength, this.#bytes.byteLength - this.#length);
    const taken = this.#bytes.subarray(this.#length, this.#length + count);
    taken.set(bytes.subarray(0, count));
    this.#md5.update(taken);
    this.#sha256?.update(taken);
    this.#length += count;
    return count;
  }

  /** The bytes so far, to be sent. Do not fill until `reset`. */
  seal(): S3Body {
    const bytes = this.#bytes.subarray(0, this.#length);
    return new S3Body(bytes, this.#md5.digest(), this.#sha256?.digest('hex') ?? 'UNSIGNED-PAYLOAD', this.#rules);
  }

  reset(): void {
    this.#length = 0;
    this.#md5 = createHash('md5');
    if (this.#sha256 !== undefined) this.#sha256 = createHash('sha256');
  }
}

/** A wrong digest in a response, named as S3 names it, so that the request is tried again. */
class WrongDigest extends Error {
  override name = 'BadDigest';
}

export class S3Body {
  readonly payloadHash: string;
  readonly #bytes: Buffer;
  readonly #md5: Buffer;
  readonly #rules: BodyRules;

  constructor(bytes: Buffer, md5: Buffer, payloadHash: string, rules: BodyRules) {
    this.#bytes = bytes;
    this.#md5 = md5;
    this.payloadHash = payloadHash;
    this.#rules = rules;
  }

  get headers(): { readonly ContentLength: number; readonly ContentMD5: string } {
    return { ContentLength: this.#bytes.byteLength, ContentMD5: this.#md5.toString('base64') };
  }

  /** The body of one attempt: the bytes, or a stream of them at the operator's rate. */
  open(): Buffer | Readable {
    if (this.#rules.rate() <= 0 || this.#bytes.byteLength === 0) return this.#bytes;
    return Readable.from(paced(this.#bytes, this.#rules.pace), { objectMode: false, highWaterMark: STEP });
  }

  release(opened: Buffer | Readable): void {
    if (opened instanceof Readable) opened.destroy();
  }

  /** @throws WrongDigest when the ETag shows that the service received other bytes. */
  checkEtag(etag: string | undefined, encryption: string | undefined): void {
    if (!isOtherEtag(etag, this.#md5.toString('hex'), encryption)) return;
    throw new WrongDigest('the service took other bytes than were sent');
  }
}

/** True when the ETag is an MD5 of other bytes. With KMS keys and at some services it is no MD5. */
export function isOtherEtag(etag: string | undefined, md5: string, encryption: string | string[] | undefined): boolean {
  const written = /^"?([0-9a-f]{32})"?$/i.exec(etag ?? '')?.[1]?.toLowerCase();
  if (written === undefined || (encryption !== undefined && encryption !== 'AES256')) return false;
  return written !== md5;
}

async function* paced(bytes: Buffer, pace: Pace): AsyncGenerator<Buffer, void> {
  for (let at = 0; at < bytes.byteLength; at += STEP) {
    const step = bytes.subarray(at, at + STEP);
    await pace.take(step.byteLength);
    yield step;
  }
}

/** Gives the signer the known digest; otherwise it would hash the whole body in one blocking call. */
export function addPayloadHash(
  stack:
    | InstanceType<Sdk['PutObjectCommand']>['middlewareStack']
    | InstanceType<Sdk['UploadPartCommand']>['middlewareStack'],
  body: S3Body,
): void {
  const hash = body.payloadHash;
  type Stack = InstanceType<Sdk['PutObjectCommand']>['middlewareStack'];
  (stack as Stack).add(
    (next) => async (step) => {
      const request = step.request as { headers: Record<string, string> };
      request.headers['x-amz-content-sha256'] = hash;
      return next(step);
    },
    { step: 'build', name: 'roostPayloadHash' },
  );
}
