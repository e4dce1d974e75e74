import { afterAll, describe, onTestFinished } from 'vitest';
import { describeStore } from '../../contract/store.ts';
import { LyingStore } from '../../support/lying-store.ts';
import { startS3Server } from '../../support/s3-server.ts';
import { scratchS3Store } from '../../support/s3-store.ts';
import { scratchVault } from '../../support/scratch-vault.ts';

const started = await startS3Server();

describe.skipIf('missing' in started)('missing' in started ? started.missing : 'against a real S3 server', () => {
  if ('missing' in started) return;
  const { server } = started;
  afterAll(() => server.stop());

  describeStore('s3', async () => (await scratchS3Store(server)).store, { keepsOpened: false });
  describeStore(
    'a wrapped s3 under a prefix',
    async () => new LyingStore((await scratchS3Store(server, { prefix: 'games/node1/' })).store),
    { keepsOpened: false },
  );
  // What was opened of an archive is kept by the vault itself.
  describeStore('V21: a vault in s3', async () => {
    const { vault } = await scratchVault({ store: (await scratchS3Store(server)).store });
    onTestFinished(() => vault.close());
    return vault;
  });
});
