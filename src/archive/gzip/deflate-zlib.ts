/** The portable engine: zlib's raw deflate for what it can shrink, stored blocks for the rest. */
import { crc32 } from 'node:zlib';
import type { CompressionLevel } from '../contract.ts';
import { type DeflateEngine, store } from './deflate.ts';
import { makeDeflateRun } from './deflate-run.ts';
import { deflateRuns } from './deflate-runs.ts';

export function makeZlibEngine(level: CompressionLevel): DeflateEngine {
  if (level === 'none') return { name: 'zlib', deflate: store, crc32 };
  return { name: 'zlib', deflate: deflateRuns(makeDeflateRun(level === 'fast' ? 1 : 9)), crc32 };
}
