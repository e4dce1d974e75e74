/** Which deflate engine runs: ISA-L where its library is installed, else zlib. */
import { Failure } from '../../base/failure.ts';
import type { CompressionLevel, EngineName } from '../contract.ts';
import type { DeflateEngine } from './deflate.ts';
import { makeIsalEngine } from './deflate-isal.ts';
import { makeZlibEngine } from './deflate-zlib.ts';

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
