/** Where a panel has its daemons put archives: multipart uploads by presigned part URLs. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  ListPartsCommand,
} from '@aws-sdk/client-s3';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../../src/base/clock.ts';
import { ACCESS_KEY, SECRET_KEY, type S3Server } from '../s3-server.ts';

export interface UploadedPart {
  readonly etag: string;
  readonly partNumber: number;
}

/** What a panel does with its object storage. */
export interface PanelUploads {
  /** Each call begins a new upload. */
  begin(key: string): Promise<string>;
  partUrl(key: string, uploadId: string, partNumber: number): string;
  /** @param parts null: those that the storage lists. */
  complete(key: string, uploadId: string, parts: readonly UploadedPart[] | null): Promise<void>;
  abort(key: string, uploadId: string): Promise<void>;
  /** A URL from which anybody can read the object for a while. */
  downloadUrl(key: string): string;
}

const URL_SECONDS = 3600;
const CONTENT_TYPE = 'application/x-gzip';

/** A real S3 service. The bucket must exist. */
export function s3Uploads({ endpoint, client }: S3Server, bucket: string, clock: Clock): PanelUploads {
  const sign = (method: string, key: string, query: Readonly<Record<string, string>>): string =>
    presigned(method, new URL(`${endpoint}/${bucket}/${key}`), query, clock.now());
  return {
    async begin(key) {
      const command = new CreateMultipartUploadCommand({ Bucket: bucket, Key: key, ContentType: CONTENT_TYPE });
      return (await client.send(command)).UploadId ?? '';
    },
    partUrl: (key, uploadId, partNumber) => sign('PUT', key, { partNumber: String(partNumber), uploadId }),
    async complete(key, uploadId, parts) {
      const listed = parts ?? (await listParts());
      const Parts = listed.map(({ etag, partNumber }) => ({ ETag: etag, PartNumber: partNumber }));
      const upload = { Bucket: bucket, Key: key, UploadId: uploadId, MultipartUpload: { Parts } };
      await client.send(new CompleteMultipartUploadCommand(upload));
      async function listParts(): Promise<UploadedPart[]> {
        const answer = await client.send(new ListPartsCommand({ Bucket: bucket, Key: key, UploadId: uploadId }));
        return (answer.Parts ?? []).map(({ ETag, PartNumber }) => ({ etag: ETag ?? '', partNumber: PartNumber ?? 0 }));
      }
    },
    async abort(key, uploadId) {
      await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: uploadId }));
    },
    downloadUrl: (key) => sign('GET', key, {}),
  };
}

/** Signature Version 4 in a query, for any method; docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html. */
function presigned(method: string, url: URL, query: Readonly<Record<string, string>>, now: number): string {
  const time = new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = `${time.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const all = {
    ...query,
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `${ACCESS_KEY}/${scope}`,
    'X-Amz-Date': time,
    'X-Amz-Expires': String(URL_SECONDS),
    'X-Amz-SignedHeaders': 'host',
  };
  const text = Object.entries(all)
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .sort()
    .join('&');
  const canonical = [method, url.pathname, text, `host:${url.host}`, '', 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const digest = createHash('sha256').update(canonical).digest('hex');
  const key = scope
    .split('/')
    .reduce<string | Buffer>((last, word) => createHmac('sha256', last).update(word).digest(), `AWS4${SECRET_KEY}`);
  const signature = createHmac('sha256', key)
    .update(['AWS4-HMAC-SHA256', time, scope, digest].join('\n'))
    .digest('hex');
  return `${url.origin}${url.pathname}?${text}&X-Amz-Signature=${signature}`;
}

export interface PartRequest {
  readonly key: string;
  readonly partNumber: number;
  /** Tries of this part in this upload, this one included. */
  readonly attempt: number;
  readonly headers: IncomingMessage['headers'];
}

/** What befalls a part: a status that is answered, or a connection that is cut before or half-way through the body. */
export type PartFault = number | 'reset' | 'half';

export interface MemoryUploads extends PanelUploads {
  readonly url: string;
  readonly requests: PartRequest[];
  /** Whole objects, by key. */
  readonly objects: Map<string, Buffer>;
  /** Ids of the uploads that are neither completed nor aborted. */
  readonly open: ReadonlySet<string>;
  /** Asked before each part. */
  fault: (request: PartRequest) => PartFault | undefined;
  /** Makes all URLs that were given out so far answer 403. */
  expire(): void;
}

/** An object storage in memory with the rules that matter: a part is of one upload, ETags have quotes, URLs expire. */
export async function memoryUploads(): Promise<MemoryUploads> {
  const parts = new Map<string, Map<number, Buffer>>();
  const attempts = new Map<string, number>();
  const open = new Set<string>();
  let era = 0;
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const uploads: MemoryUploads = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: [],
    objects: new Map(),
    open,
    fault: () => undefined,
    expire: () => void era++,
    async begin() {
      const id = randomUUID();
      open.add(id);
      parts.set(id, new Map());
      return id;
    },
    partUrl: (key, uploadId, partNumber) =>
      `${uploads.url}/${key}?partNumber=${partNumber}&uploadId=${uploadId}&X-Amz-Date=${era}&X-Amz-Signature=5197a7e0`,
    async complete(key, uploadId, told) {
      const held = parts.get(uploadId);
      if (held === undefined || !open.delete(uploadId)) throw new Error('NoSuchUpload');
      const listed = told ?? [...held].map(([partNumber, bytes]) => ({ partNumber, etag: etagOf(bytes) }));
      if (listed.length === 0) throw new Error('MalformedXML');
      const whole = listed.map(({ partNumber, etag }) => {
        const bytes = held.get(partNumber);
        if (bytes === undefined || etagOf(bytes) !== etag) throw new Error('InvalidPart');
        return bytes;
      });
      uploads.objects.set(key, Buffer.concat(whole));
    },
    async abort(_, uploadId) {
      if (!open.delete(uploadId)) throw new Error('NoSuchUpload');
    },
    downloadUrl: (key) => `${uploads.url}/${key}?X-Amz-Date=${era}&X-Amz-Signature=5197a7e0`,
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', uploads.url);
    const key = url.pathname.slice(1);
    if (url.searchParams.get('X-Amz-Date') !== String(era)) return refuse(request, response, 403);
    if (request.method === 'PUT') return takePart(request, response, url, key);
    const object = uploads.objects.get(key);
    if (object === undefined) return refuse(request, response, 404);
    sendObject(request, response, object);
  }

  async function takePart(request: IncomingMessage, response: ServerResponse, url: URL, key: string): Promise<void> {
    const uploadId = url.searchParams.get('uploadId') ?? '';
    const partNumber = Number(url.searchParams.get('partNumber'));
    const attempt = (attempts.get(`${uploadId}/${partNumber}`) ?? 0) + 1;
    attempts.set(`${uploadId}/${partNumber}`, attempt);
    const seen = { key, partNumber, attempt, headers: request.headers };
    uploads.requests.push(seen);
    const fault = uploads.fault(seen);
    if (typeof fault === 'number') return refuse(request, response, fault);
    if (fault === 'reset') return void request.socket.resetAndDestroy();
    const { socket } = request;
    const bytes = await bodyOf(request, fault === 'half' ? Number(request.headers['content-length']) / 2 : Infinity);
    if (bytes === undefined) return void socket.resetAndDestroy();
    // S3 itself refuses a body of unknown length.
    if (request.headers['content-length'] === undefined) return refuse(request, response, 411);
    if (!open.has(uploadId)) return refuse(request, response, 404);
    parts.get(uploadId)?.set(partNumber, bytes);
    response.writeHead(200, { ETag: etagOf(bytes), 'Content-Length': 0 }).end();
  }

  return uploads;
}

/** The body, or undefined as soon as more than `most` bytes have come, or whoever sends it has gone. */
async function bodyOf(request: IncomingMessage, most: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      chunks.push(chunk as Buffer);
      length += (chunk as Buffer).length;
      if (length > most) return undefined;
    }
  } catch {
    return undefined;
  }
  return Buffer.concat(chunks);
}

function refuse(request: IncomingMessage, response: ServerResponse, status: number): void {
  request.resume();
  response.writeHead(status, { 'Content-Type': 'application/xml' }).end('<Error><Code>Refused</Code></Error>');
}

function sendObject(request: IncomingMessage, response: ServerResponse, object: Buffer): void {
  const headers = { 'Content-Type': CONTENT_TYPE, 'Accept-Ranges': 'bytes', ETag: etagOf(object) };
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? '') ?? [];
  const start = Number(from ?? 0);
  const range = from === undefined ? {} : { 'Content-Range': `bytes ${start}-${object.length - 1}/${object.length}` };
  response.writeHead(from === undefined ? 200 : 206, {
    ...headers,
    ...range,
    'Content-Length': object.length - start,
  });
  response.end(request.method === 'HEAD' ? undefined : object.subarray(start));
}

function etagOf(bytes: Buffer): string {
  return `"${createHash('md5').update(bytes).digest('hex')}"`;
}
