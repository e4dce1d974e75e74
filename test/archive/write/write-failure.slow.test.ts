import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { MAX_LINES } from '../../../src/archive/ignore/ignore.ts';
import type { WriteRequest } from '../../../src/archive/contract.ts';
import { writeArchive } from '../../../src/archive/write/write.ts';
import { Failure } from '../../../src/base/failure.ts';
import type { ByteSink } from '../../../src/base/source.ts';
import { openFiles, threadCount } from '../../support/open-files.ts';
import { run } from '../../support/programs.ts';
import { randomBytes } from '../../support/random-bytes.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { MemorySink, checkedEntries, requestFor, written } from '../../support/written-archive.ts';

let root: string;
beforeAll(async () => {
  root = fs.mkdtempSync(join(tmpdir(), 'roost-test-'));
  for (const name of ['a', 'b', 'c']) fs.writeFileSync(join(root, name), randomBytes(1_300_000, name.charCodeAt(0)));
  fs.mkdirSync(join(root, 'd'));
  for (let number = 0; number < 50; number++) fs.writeFileSync(join(root, `d/${number}`), `file ${number}`);
  await written(root);
  // The runtime starts its own threads when they are first needed; they stay.
  await Promise.all(Array.from({ length: 16 }, () => fs.promises.stat(root)));
});
afterAll(() => {
  fs.rmSync(root, { recursive: true });
});

let before: { readonly files: readonly string[]; readonly threads: number };
beforeEach(() => {
  before = { files: openFiles(), threads: threadCount() };
});

/** What a settled call must have left: nothing. */
function expectNothingLeft(): void {
  expect(openFiles()).toEqual(before.files);
  expect(threadCount()).toBeLessThanOrEqual(before.threads);
}

/** A sink whose calls are counted, and that does what a test says at each. */
class WatchedSink implements ByteSink {
  calls = 0;
  bytes = 0;
  #busy = false;
  readonly #act: (call: number) => Promise<void> | void;

  constructor(act: (call: number) => Promise<void> | void = () => undefined) {
    this.#act = act;
  }

  async write(bytes: Uint8Array): Promise<void> {
    expect(this.#busy, 'a write was started before the one before it had ended').toBe(false);
    this.#busy = true;
    this.calls++;
    this.bytes += bytes.length;
    await this.#act(this.calls);
    this.#busy = false;
  }
}

function failingAt(call: number, error: Error): WatchedSink {
  return new WatchedSink((now) => {
    if (now === call) throw error;
  });
}

async function callsOfAGoodRun(): Promise<{ archive: number; index: number }> {
  const [archive, index] = [new WatchedSink(), new WatchedSink()];
  await writeArchive(requestFor(root, { archive, index }));
  return { archive: archive.calls, index: index.calls };
}

describe('a sink that fails', () => {
  test.for(['archive', 'index'] as const)(
    'at any of its writes to the %s: that is the reason, and no more is written',
    async (which) => {
      const calls = (await callsOfAGoodRun())[which];
      expect(calls).toBeGreaterThan(3);
      for (let call = 1; call <= calls; call++) {
        const reason = new Failure('store_unreachable', `Cannot write: staged at call ${call}`);
        const sink = failingAt(call, reason);
        expect(await failureOf(writeArchive(requestFor(root, { [which]: sink })))).toBe(reason);
        expect(sink.calls).toBe(call);
        expectNothingLeft();
      }
    },
  );

  test('for want of space says so', async () => {
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', errno: -28 });
    const failure = await failureOf(
      writeArchive(requestFor(root, { archive: failingAt(3, full) })),
      'insufficient_storage',
    );
    expect(failure.message).toBe('Cannot make the archive: no space left (ENOSPC)');
    expect(failure.hint).toContain('Free some space');
    expectNothingLeft();
  });

  test('by throwing before it has a promise', async () => {
    const archive: ByteSink = {
      write: () => {
        throw new Error('thrown at once');
      },
    };
    expect((await failureOf(writeArchive(requestFor(root, { archive })), 'internal')).message).toContain(
      'thrown at once',
    );
    expectNothingLeft();
  });
});

describe('an abort', () => {
  test('before the start starts nothing', async () => {
    const archive = new WatchedSink();
    const request = requestFor(root, { archive, signal: AbortSignal.abort() });
    await failureOf(writeArchive(request), 'cancelled');
    expect(archive.calls).toBe(0);
    expectNothingLeft();
  });

  test('right after the start', async () => {
    const stop = new AbortController();
    const writing = writeArchive(requestFor(root, { signal: stop.signal }));
    stop.abort();
    await failureOf(writing, 'cancelled');
    expectNothingLeft();
  });

  test('of an empty directory, too', async () => {
    const stop = new AbortController();
    const writing = writeArchive(requestFor(await scratchDirectory(), { signal: stop.signal }));
    stop.abort();
    await failureOf(writing, 'cancelled');
    expectNothingLeft();
  });

  test('at any of the writes: nothing more is written behind it, and its reason is told', async () => {
    const { archive: calls } = await callsOfAGoodRun();
    for (let call = 1; call < calls; call++) {
      const stop = new AbortController();
      const reason = new Failure('interrupted', 'Cannot go on: the daemon stops');
      const archive = new WatchedSink((now) => {
        if (now === call) stop.abort(reason);
      });
      const failure = await failureOf(writeArchive(requestFor(root, { archive, signal: stop.signal })));
      expect(failure).toBe(reason);
      expect(archive.calls).toBe(call);
      expectNothingLeft();
    }
  });

  test('when all was read', async () => {
    const stop = new AbortController();
    const request = { signal: stop.signal, onReadingEnded: () => stop.abort() };
    await failureOf(writeArchive(requestFor(root, request)), 'cancelled');
    expectNothingLeft();
  });

  test('behind the last write comes too late', async () => {
    const { index: calls } = await callsOfAGoodRun();
    const stop = new AbortController();
    const index = new WatchedSink((now) => {
      if (now === calls) stop.abort();
    });
    const { entries } = await writeArchive(requestFor(root, { index, signal: stop.signal }));
    expect(entries).toBe(54);
  });

  test('while a sink hangs does not hang with it', async () => {
    const stop = new AbortController();
    const archive = new WatchedSink((call) => {
      if (call < 3) return undefined;
      stop.abort();
      return new Promise<void>(() => undefined);
    });
    await failureOf(writeArchive(requestFor(root, { archive, signal: stop.signal })), 'cancelled');
    expectNothingLeft();
  });

  test('while all waits for a slow rate', async () => {
    for (const rates of [
      { read: 0.001, write: 0 },
      { read: 0, write: 0.001 },
    ]) {
      const stop = new AbortController();
      const archive = new WatchedSink(() => {
        setTimeout(() => stop.abort(), 20);
      });
      const request = requestFor(root, { archive, signal: stop.signal, rates: () => rates });
      await failureOf(writeArchive(request), 'cancelled');
      expectNothingLeft();
    }
  });
});

test('a rate that is lifted acts at once', async () => {
  let rate = 0.001;
  const archive = new WatchedSink(() => {
    rate = 0;
  });
  const rates = (): { read: number; write: number } => ({ read: rate, write: rate });
  const { entries } = await writeArchive(requestFor(root, { archive, rates }));
  expect(entries).toBe(54);
});

test('a slow sink holds the reading back, and its bytes stay put until it has taken them', async () => {
  const kept: Buffer[] = [];
  const archive: ByteSink = {
    write: async (bytes) => {
      const first = Buffer.from(bytes);
      for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
      expect(first.equals(bytes)).toBe(true);
      kept.push(first);
    },
  };
  const index = new MemorySink();
  const result = await writeArchive(requestFor(root, { archive, index, workers: 1 }));
  await checkedEntries({ archive: Buffer.concat(kept), index: index.bytes, result });
});

test('an archive that would pass its limit is refused, and the sink is given no more than that', async () => {
  // ISA-L's output differs by some bytes with what its thread deflated before; zlib's does not.
  const { size } = (await written(root, { engine: 'zlib' })).result;
  const whole = await writeArchive(requestFor(root, { engine: 'zlib', maxSize: size }));
  expect(whole.size).toBe(size);
  for (const maxSize of [1, 10, 100_000, 2_000_000, size - 1]) {
    const archive = new WatchedSink();
    const failure = await failureOf(writeArchive(requestFor(root, { archive, engine: 'zlib', maxSize })), 'too_large');
    expect(failure.message).toMatch(/^Cannot finish the archive: it passes .*, its limit$/);
    expect(failure.facts).toEqual({ limit: maxSize });
    expect(archive.bytes).toBeLessThanOrEqual(maxSize);
    expectNothingLeft();
  }
});

describe('a request that cannot be met', () => {
  const refused: readonly [string, () => Partial<WriteRequest>, string][] = [
    ['a root that is missing', () => ({ root: join(root, 'missing') }), 'ENOENT'],
    ['a root that is a file', () => ({ root: join(root, 'a') }), 'ENOTDIR'],
  ];
  test.for(refused)('%s', async ([, more, errno]) => {
    for (const onProgress of [undefined, () => undefined]) {
      const progress = onProgress === undefined ? {} : { onProgress };
      const failure = await failureOf(writeArchive(requestFor(root, { ...more(), ...progress })), 'internal');
      expect(failure.message).toContain(`Cannot make the archive: ${errno}`);
      expectNothingLeft();
    }
  });

  test('an ignore list that is too long, before any thread is started', async () => {
    const ignore = Array.from({ length: MAX_LINES + 1 }, (_, index) => `line ${index}`);
    await failureOf(writeArchive(requestFor(root, { ignore })), 'invalid_request');
    expectNothingLeft();
  });
});

test('a callback that throws fails the backup and not the process', async () => {
  const throwing = (): never => {
    throw new Error('a listener is broken');
  };
  for (const callback of [{ onProgress: throwing }, { onReadingEnded: throwing }]) {
    const failure = await failureOf(writeArchive(requestFor(root, callback)), 'internal');
    expect(failure.message).toBe('Cannot make the archive: a listener is broken');
    expectNothingLeft();
  }
});

test('rates that cannot be told any more fail it, too, and nothing is written behind that', async () => {
  let asked = 0;
  const archive = new WatchedSink();
  const rates = (): { read: number; write: number } => {
    if (++asked > 1) throw new Error('the config is gone');
    return { read: 0.001, write: 0 };
  };
  const failure = await failureOf(writeArchive(requestFor(root, { archive, rates })), 'internal');
  expect(failure.message).toContain('the config is gone');
  const { calls } = archive;
  expectNothingLeft();
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  expect(archive.calls).toBe(calls);
});

const CHILD = fileURLToPath(new URL('../../support/archive-child.ts', import.meta.url));
const DYING = fileURLToPath(new URL('../../support/dying-threads.ts', import.meta.url));

describe('a thread that dies', () => {
  test.for(['segment at start', 'segment at work', 'write at start'])(
    '(%s) fails the backup: nobody waits for ever',
    async (die) => {
      const { code, stderr, stdout } = await run(process.execPath, ['--import', DYING, CHILD, root], {
        env: { ...process.env, DIE: die },
      });
      expect(code).not.toBe(0);
      expect(stdout.length).toBe(0);
      expect(stderr).toMatch(
        /Cannot (go on|make the archive): (a worker thread ended|its thread ended|the thread was made to fail)/,
      );
    },
  );
});

test('too few descriptors fail the backup: what could not be opened for that would be lost in silence', async () => {
  const deep = await scratchDirectory();
  fs.mkdirSync(join(deep, 'd/'.repeat(150)), { recursive: true });
  fs.writeFileSync(join(deep, 'd/'.repeat(150), 'file'), 'deep down');
  const archive = (limit: number) =>
    run('sh', ['-c', `ulimit -n ${limit}; exec "$0" "$@"`, process.execPath, CHILD, deep]);
  // A deep tree takes a few descriptors, not one a level; the limits between may go either way, but lose nothing.
  expect((await archive(120)).code).toBe(0);
  expect((await archive(40)).code).not.toBe(0);
  for (const limit of [40, 46, 52, 58, 120]) {
    const { code, stdout, stderr } = await archive(limit);
    if (code === 0) expect(stdout.toString()).toContain(`${'d/'.repeat(150)}file`);
    else expect(stderr).toContain('EMFILE');
  }
});
