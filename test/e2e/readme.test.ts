/** The blocks of README.md that a reader pastes into a shell, with what it says that they print. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BUILT, RoostProcess } from './roost-process.ts';

const README = fs.readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

const withoutCurl = spawnSync('curl', ['--version']).error !== undefined;
const withoutIpv6 = !Object.values(networkInterfaces())
  .flat()
  .some((each) => each?.address === '::1');

let home: string;
let daemon: RoostProcess;
beforeAll(async () => {
  home = fs.mkdtempSync(join(tmpdir(), 'roost-readme-'));
  daemon = new RoostProcess(['start', '--port', '0'], { cwd: home, main: BUILT });
  await daemon.printed(/Ctrl-C stops it/);
});
afterAll(async () => {
  await daemon.stop();
  fs.rmSync(home, { recursive: true, force: true });
});

/** The blocks of a language in a section, in order. */
function blocks(section: string, language: string): string[] {
  const [, after = ''] = README.split(`\n## ${section}\n`);
  const [here = ''] = after.split('\n## ');
  return [...here.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\``, 'gms'))].map(([, lines = '']) => lines);
}

/** What a shell prints on stdout for these lines. */
async function paste(lines: string, shellWords: readonly string[] = ['bash', '--norc']): Promise<string> {
  const [program = '', ...options] = shellWords;
  const words = `roost() { "${process.execPath}" "${BUILT}" "$@"; }\ncurl() { command curl -sS "$@"; }\n${lines}`;
  const shell = spawn(program, [...options, '-c', words], {
    cwd: home,
    env: { PATH: process.env['PATH'] ?? '', HOME: home, TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [printed, [code]] = await Promise.all([text(shell.stdout), once(shell, 'close')]);
  expect(code).toBe(0);
  return printed;
}

/** Without what differs from host to host and from day to day. What is copied from a base depends on how old the files are. */
function shape(printed: string): string {
  return printed
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'UUID')
    .replaceAll(/\b[0-9a-f]{64}\b/g, 'SHA256')
    .replaceAll(/^[0-9a-f]{8}(?= )/gm, 'SHORT')
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d/g, 'TIME')
    .replaceAll(/, [\d.]+ [KM]iB of it reused/g, '')
    .replaceAll(/[\d.]+ s\b/g, 'SECONDS')
    .replaceAll(/ {2,}/g, '  ')
    .trim();
}

test.skipIf(withoutCurl)(
  'a first backup is made, lost and brought back by the pasted lines (skipped without curl)',
  async () => {
    const values = /^TOKEN=\S+\nBACKUPS=\S+$/m.exec(daemon.stdout)?.[0] ?? '';
    const [create = '', restore = ''] = blocks('A first backup', 'sh');
    const [made = '', done = ''] = blocks('A first backup', 'json');
    const named = `${values}\n${create.split('\n\n')[1] ?? ''}`;
    const backup = JSON.parse(await paste(named)) as { readonly id: string };
    const shown = JSON.parse(made) as object;
    expect(Object.keys(backup)).toEqual(expect.arrayContaining(Object.keys(shown)));
    const answer = await paste(`${values}\n${restore.replace(/id=[0-9a-f-]+/, `id=${backup.id}`)}`);
    expect(JSON.parse(answer)).toMatchObject(JSON.parse(done) as object);

    const [console = ''] = blocks('A first backup', 'console');
    const server = fs.readdirSync(join(home, '.roost/servers'))[0] ?? '';
    await follow(console.replaceAll('node dist/main.js', 'roost').replaceAll(/dbcba9a7-[0-9a-f-]+/g, server));
  },
);

// zsh takes brackets that stand without quotes for a pattern.
test.skipIf(withoutCurl || withoutIpv6)(
  'the printed lines work over IPv6, in the shells that there are (skipped without curl or IPv6)',
  async () => {
    const cwd = fs.mkdtempSync(join(tmpdir(), 'roost-ipv6-'));
    const other = new RoostProcess(['start', '--host', '::1', '--port', '0'], { cwd, main: BUILT });
    try {
      await other.printed(/Ctrl-C stops it/);
      const lines = other.stdout.match(/^curl .*$/gm) ?? [];
      expect(lines).toHaveLength(3);
      const shells = [['bash', '--norc'], ['zsh', '-f'], ['dash']].filter(
        ([program = '']) => spawnSync(program, ['-c', 'true']).error === undefined,
      );
      for (const shell of shells) {
        // Each in a shell of its own, which has no variables of another.
        const answers = await Promise.all([lines[0] ?? '', lines[1] ?? ''].map((line) => paste(line, shell)));
        const [servers, made] = answers.map((answer) => JSON.parse(answer) as { readonly id: string });
        expect([shell, servers]).toMatchObject([shell, [{ status: expect.any(String) as string }]]);
        const id = made?.id;
        const list = await paste(lines[2] ?? '', shell);
        expect(list).toMatch(/\n$/);
        expect((JSON.parse(list) as readonly { readonly id: string }[])[0]).toMatchObject({ id });
      }
    } finally {
      await other.stop();
      fs.rmSync(cwd, { recursive: true, force: true });
    }
  },
);

test('archives are made, listed, verified and unpacked as it shows', async () => {
  const [console = ''] = blocks('Archives without a daemon', 'console');
  await follow(console);
});

/** Pastes each line after a `$`, and compares what it prints with what follows there. */
async function follow(session: string): Promise<void> {
  const steps = session.split(/^\$ /m).slice(1);
  expect(steps.length).toBeGreaterThan(1);
  for (const step of steps) {
    const [line = ''] = step.split('\n', 1);
    expect(shape(await paste(line)), line).toBe(shape(step.slice(line.length)));
  }
}
