import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Tests start hundreds of daemons, commands and threads, which took most of their time to compile the same modules. Here,
// as it must be there when a test process starts.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

// quick: every behaviour, under three minutes. slow: kills, chaos, fuzzing and large files, bounded by counts.
export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Fails a test that logs a secret at any level, or that leaves something open.
    setupFiles: ['secret-watch.ts', 'leak-watch.ts'].map((name) =>
      fileURLToPath(new URL(`test/support/${name}`, import.meta.url)),
    ),
    // One less than there are cores by default, which leaves half of a small machine idle.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.slow.test.ts'],
          pool: 'forks',
          // A process runs file after file and loads each module once: a sixth of the time. No module keeps anything.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: ['test/**/*.slow.test.ts'],
          pool: 'forks',
          testTimeout: 900_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
