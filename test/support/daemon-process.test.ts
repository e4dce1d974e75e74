import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startDaemon } from './daemon-process.ts';
import { scratchDirectory } from './scratch.ts';

test('a daemon that is killed within a line of its log fails no test', async () => {
  const directory = await scratchDirectory();
  const main = join(directory, 'main.mjs');
  const said = '{"url":"http://127.0.0.1:9"}\\n{"msg":"cut of';
  await writeFile(main, `process.stdout.write('${said}'); setInterval(() => undefined, 1000);`);
  const daemon = await startDaemon({ directory, config: '' }, { main });
  await daemon.kill();
  expect(daemon.url).toBe('http://127.0.0.1:9');
});
