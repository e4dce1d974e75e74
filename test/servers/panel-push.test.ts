import fs from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkPanelPush } from '../../src/cli/doctor/panel-push.ts';
import type { FrontConfig } from '../../src/config/types.ts';
import { keepPush, pushDiffers, readPush } from '../../src/servers/panel-push.ts';
import { scratchDirectory } from '../support/scratch.ts';

const PLAIN: FrontConfig['listen'] = { host: '0.0.0.0', port: 8080, tls: null };
const SECURE = { ...PLAIN, tls: { cert: '/c', key: '/k' } };

test.each([
  [{ port: 8080, tls: false }, PLAIN, []],
  [{ port: 8080, tls: true }, SECURE, []],
  [{}, PLAIN, []],
  [{ port: 443, tls: true }, SECURE, [/port 443, and front.listen.port is 8080/]],
  [{ port: 8080, tls: true }, PLAIN, [/by https, and front.listen speaks http$/]],
  [{ port: 80, tls: false }, SECURE, [/port 80/, /by http, and front.listen speaks https/]],
])('a push of %j is compared with what listens', (push, listen, expected) => {
  expect(pushDiffers(push, listen)).toEqual(expected.map((each) => expect.stringMatching(each)));
});

describe('a push that was kept', () => {
  test('is told by the doctor, and the last one counts', async () => {
    const stateDirectory = await scratchDirectory();
    const config = { stateDirectory, front: { listen: PLAIN } as FrontConfig };
    expect(checkPanelPush(config)).toEqual([]);
    keepPush(stateDirectory, { port: 443, tls: true });
    expect(checkPanelPush(config).map(({ check, level }) => [check, level])).toEqual([
      ['front', 'warning'],
      ['front', 'warning'],
    ]);
    keepPush(stateDirectory, { port: 8080, tls: false });
    expect(checkPanelPush(config)).toEqual([]);
    expect(checkPanelPush({ ...config, front: null })).toEqual([]);
  });

  test.each(['', 'rubbish', '[]', '{"port":"x"}', 'x'.repeat(1000)])('counts for nothing as %j', async (text) => {
    const stateDirectory = await scratchDirectory();
    await fs.writeFile(join(stateDirectory, 'panel-push.json'), text);
    expect(readPush(stateDirectory)).toBeUndefined();
  });
});
