/**
 * Chooses the deflate engine: ISA-L where its library is installed, else zlib.
 *
 * For: task threads, one engine each. Promises: both engines make raw deflate blocks that can be joined and that any
 * inflater reads. Never: falls back silently when `isal` was asked for by name.
 */
import { crc32 } from 'node:zlib';
import { Failure } from '../../base/failure.ts';
import type { CompressionLevel, EngineName } from '../contract.ts';
import { type DeflateEngine, store } from './deflate.ts';
import { makeIsalEngine } from './deflate-isal.ts';
import { deflateRuns, makeDeflateRun } from './deflate-run.ts';

/** The engine that `auto`, or a name, comes to on this host. */
export function selectedEngine(wanted: EngineName | 'auto'): EngineName {
  return makeEngine(wanted, 'none').name;
}

/**
 * Makes an engine for the calling thread.
 *
 * @throws Failure `invalid_request` when `isal` is asked for by name and is not installed.
 */
export function makeEngine(wanted: EngineName | 'auto', level: CompressionLevel): DeflateEngine {
  if (wanted === 'zlib') return makeZlibEngine(level);
  const engine = makeIsalEngine(level);
  if (engine !== undefined) return engine;
  if (wanted === 'auto') return makeZlibEngine(level);
  throw new Failure('invalid_request', 'Cannot use the ISA-L engine: libisal.so.2 is not installed', {
    hint: 'Install it (Debian, Ubuntu: apt-get install libisal2), or choose the engine auto or zlib.',
  });
}

/** The engine that works everywhere: zlib for what it can shrink, stored blocks for the rest. */
export function makeZlibEngine(level: CompressionLevel): DeflateEngine {
  if (level === 'none') return { name: 'zlib', deflate: store, crc32 };
  return { name: 'zlib', deflate: deflateRuns(makeDeflateRun(level === 'fast' ? 1 : 9)), crc32 };
}
