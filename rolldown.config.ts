/**
 * What `npm run build` makes: dist/main.js, the parts of it that commands load on demand, and one file for each kind of
 * thread. All lie flat in one directory, so that a thread's file is beside the part that starts it.
 *
 * Packages are bundled, because finding and reading hundreds of modules was most of the time of a start. koffi stays
 * outside: it brings native code for each processor, which it finds beside its own files. Nothing is minified, so that
 * stack traces and `--inspect` stay readable; source maps lead on to the sources.
 */
import { basename } from 'node:path';
import { defineConfig, type RolldownOptions } from 'rolldown';

const COMMON_THREADS = [
  'src/archive/operation-thread.ts',
  'src/archive/task-thread.ts',
  'src/storage/vault/collection/punch-thread.ts',
];
const OTHER_THREADS = ['src/jobs/compare/compare-thread.ts'];

const shared = { platform: 'node', external: ['koffi'], tsconfig: 'tsconfig.json' } satisfies RolldownOptions;
const output = { format: 'esm', sourcemap: true, entryFileNames: '[name].js' } as const;

/**
 * A thread's code in one file, which is all that its start reads. Those that each backup or removal starts are CommonJS: as a
 * module, each would start Node's loader of modules, and load all that `node:crypto` has, which nothing asks for.
 */
function thread(file: string, format: 'cjs' | 'esm'): RolldownOptions {
  return {
    ...shared,
    input: { [basename(file, '.ts')]: file },
    output: { ...output, format, entryFileNames: `[name].${format === 'cjs' ? 'cjs' : 'js'}`, codeSplitting: false },
  };
}

export default defineConfig([
  {
    ...shared,
    input: { main: 'src/main.ts' },
    output: { ...output, chunkFileNames: '[name]-[hash].js' },
  },
  ...COMMON_THREADS.map((file) => thread(file, 'cjs')),
  ...OTHER_THREADS.map((file) => thread(file, 'esm')),
]);
