import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MODULE = fileURLToPath(new URL('../../src/base/young-buffers.ts', import.meta.url));

/** A process with a heap that takes time to look at passes half a GiB; its looks at the whole heap are counted. */
const PROGRAM = `
import { PerformanceObserver, constants } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { bufferPassed } from ${JSON.stringify(MODULE)};
setFlagsFromString('--heap-growing-percent=45');
let major = 0;
const observer = new PerformanceObserver((list) => {
  major += list.getEntries().filter(({ detail }) => detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR).length;
});
observer.observe({ entryTypes: ['gc'] });
globalThis.held = Array.from({ length: 50_000 }, (_, at) => ({ at, text: 'a' + at }));
for (let piece = 0; piece < 8192; piece++) {
  const chunk = Buffer.from(new ArrayBuffer(65536));
  if (process.argv[1] === 'counted') bufferPassed(chunk.length);
  if (piece % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
}
await new Promise((resolve) => setImmediate(resolve));
console.log(major);
`;

function majorCollections(how: 'counted' | 'not counted'): number {
  const args = ['--max-semi-space-size=1', '--input-type=module', '--eval', PROGRAM, how];
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }));
}

test('streams whose buffers are counted make V8 look at its whole heap less than half as often', () => {
  expect(majorCollections('counted') * 2).toBeLessThan(majorCollections('not counted'));
});
