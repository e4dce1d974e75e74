/** Vitest with the watch as its setup file fails tests, and files, that leave something open. */
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { openNow, stillOpenSince } from './open-resources.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const LEAKING = `
import fs from 'node:fs';
import { createServer } from 'node:net';
import { Worker } from 'node:worker_threads';
import { onTestFinished, test } from 'vitest';
test('closes', () => { const fd = fs.openSync('/dev/null', 'r'); onTestFinished(() => fs.closeSync(fd)); });
test('file', () => void fs.openSync('/dev/null', 'r'));
test('timer', () => void setInterval(() => undefined, 1000).unref());
test('server', () => new Promise((listening) => void createServer().listen(0, '127.0.0.1', listening).unref()));
test('thread', () => void new Worker('setInterval(() => undefined, 1000)', { eval: true }).unref());
`;

const FILES: Readonly<Record<string, string>> = {
  'a descriptor': `
import fs from 'node:fs';
import { beforeAll, test } from 'vitest';
beforeAll(() => void fs.openSync('/dev/null', 'r'));
test('alone', () => undefined);
`,
};

interface Report {
  readonly testResults: readonly {
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly title: string; readonly status: string }[];
  }[];
}

async function runOn(source: string): Promise<Report['testResults'][number]> {
  // In the repository, where vitest is found, and under a name that git ignores.
  const directory = fs.mkdtempSync(join(ROOT, 'dist.leaking-'));
  onTestFinished(() => fs.rmSync(directory, { recursive: true }));
  fs.writeFileSync(join(directory, 'leaking.test.ts'), source);
  const setup = join(ROOT, 'test', 'support', 'leak-watch.ts');
  fs.writeFileSync(
    join(directory, 'vitest.config.mjs'),
    `export default { test: { include: ['leaking.test.ts'], exclude: [], setupFiles: [${JSON.stringify(setup)}], pool: 'forks' } };`,
  );
  const out = join(directory, 'report.json');
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--root', directory, '--reporter=json', `--outputFile=${out}`];
  await new Promise((fulfil) => execFile(process.execPath, args, { cwd: directory }, fulfil));
  const [result] = (JSON.parse(fs.readFileSync(out, 'utf8')) as Report).testResults;
  if (result === undefined) throw new Error('no file was run');
  return result;
}

test('a test that leaves a file, a timer, a server or a thread open fails, and one that closes it passes', async () => {
  const { assertionResults } = await runOn(LEAKING);
  expect(assertionResults.map(({ title, status }) => [title, status])).toEqual([
    ['closes', 'passed'],
    ['file', 'failed'],
    ['timer', 'failed'],
    ['server', 'failed'],
    ['thread', 'failed'],
  ]);
});

test('a thread that was made a moment ago and has opened nothing yet is seen', async () => {
  const before = openNow();
  const thread = new Worker('setInterval(() => undefined, 1000)', { eval: true });
  onTestFinished(async () => void (await thread.terminate()));
  expect(await stillOpenSince(before, 0)).toContain(`thread ${thread.threadId}`);
});

test.each(Object.entries(FILES))(
  'a file that leaves %s open, though none of its tests fails, fails',
  async (_, source) => {
    const { status, message, assertionResults } = await runOn(source);
    expect(assertionResults).toMatchObject([{ title: 'alone', status: 'passed' }]);
    expect([status, message]).toEqual(['failed', expect.stringContaining('left open by this file')]);
  },
);
