/** Value types of the sections; each message says what is expected. */
import { isIP } from 'node:net';
import { isAbsolute, normalize } from 'node:path';
import { Cron } from 'croner';
import { z } from 'zod';
import { Failure } from '../base/failure.ts';
import { isUuid, type ServerId } from '../base/ids.ts';
import { MEBIBYTE, parseBytes } from '../base/sizes.ts';

/** Refuses a value: `problem` completes "key: …", and never repeats a secret. */
export function refuse(context: z.core.$RefinementCtx, problem: string, hint?: string): never {
  context.issues.push({ code: 'custom', input: undefined, message: problem, params: { hint }, continue: false });
  return z.NEVER;
}

export const text = z.string().min(1);

export const absolutePath = text.transform((path, context) => {
  if (path.includes('\0')) return refuse(context, 'must not hold a NUL character');
  if (!isAbsolute(path)) return refuse(context, 'must be an absolute path', 'Begin it with a slash.');
  const clean = normalize(path);
  return clean === '/' ? clean : clean.replace(/\/$/, '');
});

export const serverId = text.transform((id, context): ServerId => {
  const lower = id.toLowerCase();
  if (isUuid(lower)) return lower as ServerId;
  return refuse(context, 'must be a UUID', 'Such as 1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b.');
});

export const anyServer = z.union([z.literal('*'), serverId], 'must be a UUID, or "*" for every server');

/** Bytes, written as a number or as text with a unit. */
export const size = z
  .union([z.number(), z.string()], 'must be a size, such as 500MiB')
  .transform((written, context) => {
    try {
      return parseBytes(String(written));
    } catch (error) {
      const hint = error instanceof Failure ? error.hint : undefined;
      return refuse(context, 'is no size', hint);
    }
  });

const SMALLEST_PART = 5 * MEBIBYTE;
const LARGEST_PART = 5 * 1024 ** 3;

/** Bytes of a multipart part, within what every service takes. */
export const partSize = size.refine(
  (bytes) => bytes >= SMALLEST_PART && bytes <= LARGEST_PART,
  'must be a size from 5MiB to 5GiB',
);

/** MiB per second; 0 for no limit. */
export const rate = z.number().min(0);

export const count = z.int().min(0);

export const httpUrl = text.transform((written, context) => {
  const url = URL.parse(written);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    return refuse(context, 'must be a URL', 'Such as https://panel.example.com.');
  }
  if (url.username !== '' || url.password !== '') return refuse(context, 'must not hold credentials');
  if (url.search !== '' || url.hash !== '') return refuse(context, 'must not have a query or fragment');
  return url.href.replace(/\/+$/, '');
});

/** http alone, with a host and a port, and nothing behind them. */
export const bareHttpUrl = httpUrl.transform((written, context) => {
  const { protocol, pathname } = new URL(written);
  if (protocol === 'http:' && pathname === '/') return written;
  return refuse(context, 'must be http with an address and a port alone', 'Such as http://127.0.0.1:18080.');
});

/** An IP address or a CIDR block. */
export const addressBlock = text.refine(isAddressBlock, 'must be an IP address or block, such as 10.0.0.0/8');

/** A host name, an IP address or a CIDR block; no port, no wildcard. */
export const hostOrBlock = text.refine(
  (written) => isAddressBlock(written) || /^[\w.-]+$/.test(written),
  'must be a host name, an IP address or a block, such as minio.lan or 10.0.0.0/8',
);

function isAddressBlock(written: string): boolean {
  const [address = '', prefix, ...rest] = written.split('/');
  const family = isIP(address);
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

/** Parsed by the scheduler's own library, so a value accepted here cannot fail there. */
export const cron = text.refine((written) => {
  try {
    return new Cron(written, { paused: true, mode: '5-or-6-parts' }).getPattern() !== undefined;
  } catch {
    return false;
  }
}, 'must be a cron expression, such as "0 4 * * *" (minute hour day month weekday)');

export const timeZone = text.refine((name) => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}, 'must be a time zone, such as Europe/Berlin or UTC');

/** A program and its arguments; no shell splits them. */
export const command = z.array(z.string()).min(1, 'must name a program');

export const uidGid = z.union([z.literal('archive'), z.string()]).transform((written, context) => {
  if (written === 'archive') return written;
  const match = /^(\d{1,10}):(\d{1,10})$/.exec(written);
  const [uid, gid] = [Number(match?.[1]), Number(match?.[2])];
  // chown takes 2^32 - 1 as "no change".
  if (match !== null && uid < 0xffffffff && gid < 0xffffffff) return { uid, gid };
  return refuse(context, 'must be "archive", or numbers as UID:GID', 'Such as "988:988", in quotes.');
});
