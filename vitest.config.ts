import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Tests start hundreds of daemons, commands and threads, which took most of their time to compile the same modules. Here,
// as it must be there when a test process starts.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

// Tests that would mean something else beside others: they bound the delay of an event loop or the end of a cancelled
// job, or rely on what the kernel has not written back yet.
const ALONE = [
  'test/crash/missing-flush.slow.test.ts',
  'test/e2e/restore-cancelled.slow.test.ts',
  'test/hostile/flood.slow.test.ts',
  'test/hostile/flood-lists.slow.test.ts',
  'test/hostile/load.slow.test.ts',
];

// Backups, restores, downloads, browsing, verification, retention, rebuild and kills, once more over `layout: vault`.
const BOTH_LAYOUTS = [
  'test/cli/adopt.test.ts',
  'test/cli/backup/fetch.test.ts',
  'test/cli/catalogue.test.ts',
  'test/cli/doctor/broken-hosts.test.ts',
  'test/compose/daemon.test.ts',
  'test/compose/disaster.test.ts',
  'test/compose/shared-store.test.ts',
  'test/compose/inside.test.ts',
  'test/crash/daemon.slow.test.ts',
  'test/crash/power-cut.slow.test.ts',
  'test/crash/reports.slow.test.ts',
  'test/e2e/log.test.ts',
  'test/e2e/object-storage.test.ts',
  'test/e2e/restore-cancelled.test.ts',
  'test/e2e/wings.test.ts',
  'test/e2e/wings-hostile.test.ts',
  'test/e2e/wings-outage.test.ts',
  'test/e2e/wings-readable.test.ts',
  'test/jobs/compare/preview.test.ts',
  'test/jobs/stored/damage.test.ts',
  'test/jobs/stored/readable-copy.test.ts',
];

// Behaviours that take long to show: daemons and commands run from their start to their end, disks are made and filled,
// hundreds of trees are compared. With them the quick suite would take half as long again.
const LENGTHY = [
  'test/archive/attributes.test.ts',
  'test/archive/files-only.test.ts',
  'test/archive/holes.test.ts',
  'test/archive/live.test.ts',
  'test/archive/foreign/interop.test.ts',
  'test/archive/foreign/zip-odd.test.ts',
  'test/archive/ignore/ignore-git.test.ts',
  'test/archive/ignore/ignore-model.test.ts',
  'test/archive/read/read-failure.test.ts',
  'test/archive/write/reuse/reuse.test.ts',
  'test/cli/**/*.test.ts',
  'test/compose/**/*.test.ts',
  'test/conformance/**/*.test.ts',
  'test/e2e/**/*.test.ts',
  'test/hostile/**/*.test.ts',
  'test/jobs/compare/oracles.test.ts',
  'test/jobs/compare/preview.test.ts',
  'test/jobs/report/deliver-outage.test.ts',
  'test/jobs/restore/losses.test.ts',
  'test/jobs/restore/lost-directory.test.ts',
  'test/jobs/restore/restore-failures.test.ts',
  'test/jobs/restore/restore-killed.test.ts',
  'test/jobs/restore/restore-modes.test.ts',
  'test/jobs/restore/restore-race.test.ts',
  'test/protocols/native/tokens.test.ts',
  'test/protocols/wings/routes/download.test.ts',
  'test/servers/swap/across.test.ts',
  'test/storage/presigned/object-storage.test.ts',
  'test/storage/s3/s3.test.ts',
  'test/storage/vault/**/*.test.ts',
];
const SLOW = ['test/**/*.slow.test.ts', 'test/browser/**'];

// A process runs file after file and loads each module once: a sixth of the time. No module keeps anything.
const SHARED = { pool: 'forks', isolate: false } as const;

// For tests of minutes.
const LONG = { pool: 'forks', testTimeout: 900_000, hookTimeout: 120_000 } as const;

// quick: under three minutes. slow-lengthy: behaviours whose tests take longer. slow: kills, chaos, fuzzing and large
// files, bounded by counts. slow-alone: those of them that run one file after another. slow-vault: what must hold over each layout of a store.
export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Vitest's own second is too short for a daemon on a busy host; what is waited for comes, or never.
    expect: { poll: { timeout: 20_000 } },
    // Fails a test that logs a secret at any level, or that leaves something open.
    setupFiles: ['secret-watch.ts', 'leak-watch.ts'].map((name) =>
      fileURLToPath(new URL(`test/support/${name}`, import.meta.url)),
    ),
    // More than there are cores: half of the time a test waits for a disk, a process or a thread. Each takes about 450 MB.
    maxWorkers: availableParallelism() + 2,
    projects: [
      {
        extends: true,
        test: {
          ...SHARED,
          name: 'quick',
          include: ['test/**/*.test.ts'],
          exclude: [...SLOW, ...LENGTHY],
        },
      },
      {
        extends: true,
        test: { ...SHARED, name: 'slow-lengthy', include: LENGTHY, exclude: SLOW, sequence: { groupOrder: 2 } },
      },
      {
        extends: true,
        test: {
          ...LONG,
          name: 'slow',
          include: ['test/**/*.slow.test.ts'],
          exclude: ALONE,
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...LONG,
          name: 'slow-vault',
          include: BOTH_LAYOUTS,
          env: { STORE_LAYOUT: 'vault' },
          maxWorkers: availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
      {
        // The page in Chromium, from dist/web; skipped by name where Chromium is missing.
        extends: true,
        test: { ...LONG, name: 'browser', include: ['test/browser/**/*.test.ts'], fileParallelism: false },
      },
      { extends: true, test: { ...LONG, name: 'slow-alone', include: ALONE, fileParallelism: false } },
    ],
  },
});
