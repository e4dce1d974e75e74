/**
 * Requests to one bucket, with retries and explained failures. Names here are whole names in the bucket, prefix
 * included.
 *
 * Checksums are `WHEN_REQUIRED`: the SDK's default sends trailers that some S3-compatible services refuse or store in
 * the object. Every body has a Content-MD5 instead, which all of them check.
 */
import type {
  GetObjectCommandOutput,
  ListMultipartUploadsCommandInput,
  ListMultipartUploadsCommandOutput,
  PutObjectCommandInput,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Failure } from '../../base/failure.ts';
import type { S3StoreConfig } from '../../config/types.ts';
import { addPayloadHash, type S3Body } from './body.ts';
import type { Connection, Sdk } from './connect.ts';
import { explainS3Error, type S3Location, serviceCode } from './failure.ts';
import type { RetryPort } from '../../base/retry.ts';
import { type Patience, retried } from './retry.ts';

/** Metadata that names an object's writer, to recognize an object whose response was lost. */
const WRITER_TAG = 'roost-writer';

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly patience?: Patience;
  /** Called for failures that are retried: the request may have been carried out all the same. */
  readonly onTransient?: (error: unknown) => void;
}

export interface ObjectFacts {
  readonly size: number;
  /** As the service writes it, including quotes. */
  readonly etag: string;
  readonly writer: string | undefined;
}

export interface NewObject {
  readonly name: string;
  readonly body: S3Body;
  /** The writer's id, kept in the object's metadata. */
  readonly writer: string;
}

export interface OpenUpload {
  readonly name: string;
  readonly id: string;
}

export interface SentPart {
  readonly number: number;
  readonly etag: string;
}

export class S3Bucket {
  readonly place: S3Location;
  readonly #sdk: Sdk;
  readonly #client: S3Client;
  readonly #config: S3StoreConfig;
  readonly #retry: RetryPort;

  constructor({ sdk, client }: Connection, config: S3StoreConfig, place: S3Location, retry: RetryPort) {
    this.#sdk = sdk;
    this.#client = client;
    this.#config = config;
    this.place = place;
    this.#retry = retry;
  }

  get client(): S3Client {
    return this.#client;
  }

  async head(name: string, doing: string, options: CallOptions = {}): Promise<ObjectFacts | undefined> {
    const command = (): InstanceType<Sdk['HeadObjectCommand']> => new this.#sdk.HeadObjectCommand(this.#named(name));
    try {
      const answer = await this.#call(doing, options, (signal) => this.#client.send(command(), signal));
      return {
        size: answer.ContentLength ?? 0,
        etag: answer.ETag ?? '',
        writer: answer.Metadata?.[WRITER_TAG],
      };
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /**
   * The response to a GET, whose body the caller reads; with `range`, only those bytes of the object with that ETag.
   */
  async get(
    name: string,
    doing: string,
    options: CallOptions,
    range?: { readonly offset: number; readonly length: number; readonly etag: string },
  ): Promise<GetObjectCommandOutput> {
    const input = {
      ...this.#named(name),
      Range: range && `bytes=${range.offset}-${range.offset + range.length - 1}`,
      IfMatch: range === undefined || range.etag === '' ? undefined : range.etag,
    };
    return this.#call(doing, options, (signal) => this.#client.send(new this.#sdk.GetObjectCommand(input), signal));
  }

  /** @returns the ETag. */
  async put(object: NewObject, doing: string, options: CallOptions): Promise<string> {
    const { name, body, writer } = object;
    const input = { ...this.#named(name), ...this.#newObject(writer), ...body.headers };
    const answer = await this.#call(doing, options, async (signal) => {
      const stream = body.open();
      try {
        const command = new this.#sdk.PutObjectCommand({ ...input, Body: stream });
        addPayloadHash(command.middlewareStack, body);
        return await this.#client.send(command, signal);
      } finally {
        body.release(stream);
      }
    });
    return answer.ETag ?? '';
  }

  /**
   * Replaces a small object; with `onlyNew` fails with `PreconditionFailed` if it exists, where services support that.
   */
  async putMarker(name: string, text: string, onlyNew: boolean, doing: string): Promise<void> {
    const IfNoneMatch = onlyNew ? '*' : undefined;
    const input = { ...this.#named(name), Body: Buffer.from(text), ContentType: 'application/json', IfNoneMatch };
    await this.#call(doing, { patience: 'short' }, (signal) =>
      this.#client.send(new this.#sdk.PutObjectCommand(input), signal),
    );
  }

  async createUpload(name: string, writer: string, doing: string, options: CallOptions): Promise<string> {
    const input = { ...this.#named(name), ...this.#newObject(writer) };
    const answer = await this.#call(doing, options, (signal) =>
      this.#client.send(new this.#sdk.CreateMultipartUploadCommand(input), signal),
    );
    return answer.UploadId ?? '';
  }

  async sendPart(
    upload: OpenUpload,
    { number, body }: { readonly number: number; readonly body: S3Body },
    doing: string,
    options: CallOptions,
  ): Promise<SentPart> {
    const input = { ...this.#named(upload.name), UploadId: upload.id, PartNumber: number, ...body.headers };
    const answer = await this.#call(doing, options, async (signal) => {
      const stream = body.open();
      try {
        const command = new this.#sdk.UploadPartCommand({ ...input, Body: stream });
        addPayloadHash(command.middlewareStack, body);
        const sent = await this.#client.send(command, signal);
        body.checkEtag(sent.ETag, sent.ServerSideEncryption);
        return sent;
      } finally {
        body.release(stream);
      }
    });
    return { number, etag: answer.ETag ?? '' };
  }

  async completeUpload(
    upload: OpenUpload,
    parts: readonly SentPart[],
    doing: string,
    options: CallOptions,
  ): Promise<void> {
    const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }));
    const input = { ...this.#named(upload.name), UploadId: upload.id, MultipartUpload: { Parts } };
    await this.#call(doing, options, (signal) =>
      this.#client.send(new this.#sdk.CompleteMultipartUploadCommand(input), signal),
    );
  }

  /** Resolves when nothing of the upload is left. */
  async abortUpload(upload: OpenUpload, doing: string): Promise<void> {
    const input = { ...this.#named(upload.name), UploadId: upload.id };
    // A part in flight may arrive after the abort and stay, so repeat until the service lists none.
    for (let round = 1; round <= 5; round++) {
      try {
        await this.#call(doing, { patience: 'long' }, (signal) =>
          this.#client.send(new this.#sdk.AbortMultipartUploadCommand(input), signal),
        );
        const command = new this.#sdk.ListPartsCommand({ ...input, MaxParts: 1 });
        const left = await this.#call(doing, {}, (signal) => this.#client.send(command, signal));
        if ((left.Parts ?? []).length === 0) return;
      } catch (error) {
        if (serviceCode(error) === 'NoSuchUpload') return;
        throw error;
      }
    }
  }

  /** Open uploads whose names have this prefix. MinIO finds only whole names. */
  async *uploads(prefix: string, doing: string): AsyncGenerator<OpenUpload, void> {
    let from: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> = {};
    for (;;) {
      const page = await this.#uploadPage({ Prefix: prefix, ...from }, doing);
      for (const { Key: name, UploadId: id } of page.Uploads ?? []) {
        if (name !== undefined && id !== undefined) yield { name, id };
      }
      if (page.IsTruncated !== true || page.NextKeyMarker === undefined) return;
      from = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }

  async *list(prefix: string, doing: string): AsyncGenerator<{ readonly name: string; readonly size: number }, void> {
    let token: string | undefined;
    do {
      const input = { Bucket: this.place.bucket, Prefix: prefix, ContinuationToken: token };
      const command = new this.#sdk.ListObjectsV2Command(input);
      const page = await this.#call(doing, {}, (signal) => this.#client.send(command, signal));
      for (const { Key: name, Size: size } of page.Contents ?? []) {
        if (name !== undefined) yield { name, size: size ?? 0 };
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined;
    } while (token !== undefined);
  }

  async remove(name: string, doing: string): Promise<void> {
    try {
      await this.#call(doing, {}, (signal) =>
        this.#client.send(new this.#sdk.DeleteObjectCommand(this.#named(name)), signal),
      );
    } catch (error) {
      // GCS answers 404 where others answer 204.
      if (!isMissing(error)) throw error;
    }
  }

  async setLegalHold(name: string, on: boolean, doing: string): Promise<void> {
    const input = { ...this.#named(name), LegalHold: { Status: on ? ('ON' as const) : ('OFF' as const) } };
    await this.#call(doing, {}, (signal) => this.#client.send(new this.#sdk.PutObjectLegalHoldCommand(input), signal));
  }

  async setRetention(name: string, mode: 'GOVERNANCE' | 'COMPLIANCE', until: number, doing: string): Promise<void> {
    const input = { ...this.#named(name), Retention: { Mode: mode, RetainUntilDate: new Date(until) } };
    await this.#call(doing, {}, (signal) => this.#client.send(new this.#sdk.PutObjectRetentionCommand(input), signal));
  }

  close(): void {
    this.#client.destroy();
  }

  #uploadPage(
    input: Omit<ListMultipartUploadsCommandInput, 'Bucket'>,
    doing: string,
  ): Promise<ListMultipartUploadsCommandOutput> {
    const command = new this.#sdk.ListMultipartUploadsCommand({ Bucket: this.place.bucket, ...input });
    return this.#call(doing, {}, (signal) => this.#client.send(command, signal));
  }

  #named(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.place.bucket, Key: name };
  }

  #newObject(writer: string): Partial<PutObjectCommandInput> {
    const { encryption, kmsKeyId, storageClass, tags } = this.#config;
    const tagging = new URLSearchParams(tags).toString();
    return {
      Metadata: { [WRITER_TAG]: writer },
      ServerSideEncryption: encryption === 'none' ? undefined : encryption,
      SSEKMSKeyId: encryption === 'aws:kms' ? (kmsKeyId ?? undefined) : undefined,
      StorageClass: (storageClass ?? undefined) as PutObjectCommandInput['StorageClass'],
      Tagging: tagging === '' ? undefined : tagging,
    };
  }

  async #call<Answer>(
    doing: string,
    { signal, patience = 'short', onTransient }: CallOptions,
    run: (options: { readonly abortSignal?: AbortSignal | undefined }) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      const work = (): Promise<Answer> => run({ abortSignal: signal });
      return await retried(work, { port: this.#retry, patience, signal, onTransient });
    } catch (error) {
      throw this.#explain(error, doing, signal);
    }
  }

  #explain(error: unknown, doing: string, signal: AbortSignal | undefined): Failure {
    return explainS3Error(signal?.aborted === true ? signal.reason : error, doing, this.place);
  }
}

/** True for "no such object". A HEAD answers the same for a missing bucket. */
export function isMissing(failure: unknown): boolean {
  const code = serviceCode(failure);
  return code === 'NoSuchKey' || code === 'NotFound';
}
