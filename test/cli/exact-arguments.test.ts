import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesOfArgument, exactArguments, openablePath, shownArgument } from '../../src/cli/exact-arguments.ts';
import { scratchDirectory } from '../support/scratch.ts';

/** As Node gives an argument of these bytes. */
function given(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}

describe('arguments', () => {
  it.each(['caf\xe9', '\xff\xfe', 'caf\xc3\xa9/n\xe4me', '\xc3', '\xef\xbf\xbd', '\xed\xa0\x80', 'a\xe4\xe4b'])(
    'of the bytes %j keep them',
    (bytes) => {
      const [argument = ''] = exactArguments([given(bytes)], () => ['node', 'main.js', bytes]);
      expect(bytesOfArgument(argument)).toBe(bytes);
    },
  );

  it('that are text are left alone', () => {
    const argv = ['backup', 'café', '', '\u{1f600}', '--path=x'];
    expect(exactArguments(argv, () => [])).toEqual(argv);
    expect(argv.map(bytesOfArgument).map((bytes) => Buffer.from(bytes, 'latin1').toString())).toEqual(argv);
  });

  it('are shown as paths are', () => {
    expect(shownArgument('n\udce4me\u001b')).toBe('n\\xe4me\\x1b');
  });

  it('that name a directory or file by bytes that are no text lead there', async () => {
    const odd = Buffer.concat([Buffer.from(`${await scratchDirectory()}/caf`), Buffer.from([0xe9])]);
    fs.mkdirSync(odd);
    fs.writeFileSync(Buffer.concat([odd, Buffer.from('/file')]), 'content');
    const argument = `${odd.toString('latin1').slice(0, -1)}\udce9`;
    const opened = openablePath(argument, 'directory');
    const below = openablePath(`${argument}/file`, 'file');
    expect(fs.readFileSync(join(opened, 'file'), 'utf8')).toBe('content');
    expect(fs.readFileSync(below, 'utf8')).toBe('content');
    for (const path of [opened, below]) fs.closeSync(Number(path.split('/')[4]));
    expect(() => openablePath(argument, 'new file')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
    expect(openablePath('/plain', 'directory')).toBe('/plain');
  });

  it('are read from the kernel', () => {
    const script = `
      const { exactArguments, bytesOfArgument } = await import(${JSON.stringify(new URL('../../src/cli/exact-arguments.ts', import.meta.url).href)});
      process.stdout.write(exactArguments(process.argv.slice(1)).map(bytesOfArgument).join('|'), 'latin1');`;
    // execFile takes text alone, so a shell makes the bytes.
    const command = `exec "$NODE" --input-type=module -e "$SCRIPT" -- "$(printf 'caf\\351')" plain "$(printf '\\303\\251')"`;
    const env = { ...process.env, NODE: process.execPath, SCRIPT: script };
    const out = execFileSync('/bin/sh', ['-c', command], { env, encoding: 'latin1' });
    expect(out).toBe('caf\xe9|plain|\xc3\xa9');
  });
});
