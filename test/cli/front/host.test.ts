import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type FrontHost, systemctl } from '../../../src/cli/front/host.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';

/** A host whose systemctl says this and fails; without words it has none. */
async function hostThatSays(words?: string): Promise<FrontHost> {
  const PATH = await scratchDirectory();
  if (words !== undefined) {
    fs.writeFileSync(join(PATH, 'systemctl'), `#!/bin/sh\nprintf '%s\\n' "${words}" >&2\nexit 1\n`, { mode: 0o755 });
  }
  return { env: { PATH } } as unknown as FrontHost;
}

const NO_BUS = `System has not been booted with systemd as init system (PID 1). Can't operate.
Failed to connect to bus: Host is down`;

test.each([
  [NO_BUS, /Can't operate\.; Failed to connect/, /^No systemd runs on this host/],
  [undefined, /: ENOENT$/, /^No systemd runs on this host/],
  ['Job for wings.service failed.', /: Job for wings\.service failed\.$/, /^journalctl /],
])('systemctl that says %j', async (words, message, hint) => {
  const failure = await failureOf(systemctl(await hostThatSays(words), 'restart', 'wings'), 'internal');
  expect(failure.message).toMatch(message);
  expect(failure.hint).toMatch(hint);
});
