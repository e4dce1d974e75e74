/** A tree with one of everything that archivers get wrong. Made by hand, so that a test knows what is in it. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { fromText } from '../../src/base/files/paths.ts';
import { pathIn } from './directory-manifest.ts';
import { randomBytes } from './random-bytes.ts';

/** Names as byte strings. */
export const ODD_NAMES: readonly string[] = [
  fromText('emoji 🎮 smile'),
  'line\nfeed',
  'back\\slash',
  '-rf',
  '--checkpoint-action=exec=sh',
  ' leading and trailing ',
  '.hidden',
  '...',
  'quote"\'`$(id)',
  'tab\there',
  'bell\x07escape\x1b[31m',
  'latin1 \xe9\xff',
  '\xff\xfe',
  // A letter and its composed form are two names on Linux.
  fromText('e\u0301'),
  fromText('\u00e9'),
  'a',
  'a-b',
  'a.b',
  'a0',
  'x'.repeat(255),
  fromText('\u00fc'.repeat(127)),
  '\xfe'.repeat(255),
];

export interface NotableTree {
  /** Byte strings of what an archive of files cannot keep. */
  readonly special: readonly string[];
  /** Ends what keeps the socket there. */
  close(): Promise<void>;
}

export async function makeNotableTree(root: string): Promise<NotableTree> {
  const at = (path: string): Buffer => pathIn(root, path);
  const file = (path: string, content: string | Buffer, mode = 0o644): void => {
    fs.writeFileSync(at(path), content);
    fs.chmodSync(at(path), mode);
  };
  const directory = (path: string): void => {
    fs.mkdirSync(at(path));
  };
  for (const path of [
    'empty',
    'nested',
    'nested/empty',
    'odd',
    'links',
    'hard',
    'hard/far',
    'modes',
    'sizes',
    'times',
  ]) {
    directory(path);
  }
  for (const name of ODD_NAMES) file(`odd/${name}`, `content of ${name.length}`);
  for (const name of ODD_NAMES.slice(0, 14)) directory(`nested/${name}`);
  file('nested/empty file', '');
  makeDeepPath(root);
  makeLinks(root);
  file('hard/first', 'shared by four names');
  for (const name of ['hard/second', 'hard/far/third', 'zz-fourth']) fs.linkSync(at('hard/first'), at(name));
  file('modes/set uid', '#!/bin/sh\n', 0o4755);
  file('modes/set gid', '#!/bin/sh\n', 0o2755);
  // What nobody may read only root can archive.
  file('modes/none', 'nobody', process.geteuid?.() === 0 ? 0o000 : 0o400);
  file('modes/read only', 'look', 0o444);
  for (const length of [1, 511, 512, 513, 1023, 1024, 131_072, 524_287, 524_288, 1_048_575, 1_048_577, 2_200_000]) {
    file(`sizes/${length}`, length % 2 === 0 ? randomBytes(length, length) : Buffer.alloc(length, `${length} `));
  }
  makeSparse(root);
  file('times/before the epoch', 'old');
  // Node takes a negative number for a mistake and sets the present; a date is taken as it is.
  fs.utimesSync(at('times/before the epoch'), new Date(-86_400_000), new Date(-86_400_000));
  file('times/after 2106', 'new');
  fs.utimesSync(at('times/after 2106'), 2 ** 32 + 5, 2 ** 32 + 5);
  if (process.geteuid?.() === 0) {
    fs.chownSync(at('sizes/1'), 12_345, 54_321);
    fs.chownSync(at('sizes/511'), 3_000_000, 4_000_000_000);
  }
  const server = await makeSpecial(root);
  settleTimes(root);
  return {
    special: ['special/fifo', 'special/socket'],
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Directories of a thousand bytes in all, with a name that is no UTF-8 among them in a second one. */
function makeDeepPath(root: string): void {
  for (const first of ['deep', 'd\xe9ep']) {
    let path = first;
    fs.mkdirSync(pathIn(root, path));
    while (path.length < 900) {
      path += `/${String(path.length).padStart(99, 'level ')}`;
      fs.mkdirSync(pathIn(root, path));
    }
    path += `/${'f'.repeat(999 - path.length)}`;
    fs.writeFileSync(pathIn(root, path), 'down here');
    fs.linkSync(pathIn(root, path), pathIn(root, `${first}/up here`));
    fs.symlinkSync(Buffer.from(path, 'latin1'), pathIn(root, `${first}/long target`));
  }
}

function makeLinks(root: string): void {
  const links: Readonly<Record<string, string>> = {
    relative: '../sizes/1',
    absolute: '/etc/passwd',
    dangling: 'nowhere/at/all',
    itself: 'itself',
    'there and back': 'back and there',
    'back and there': 'there and back',
    'to a directory': '../nested',
    above: '../../../../../../..',
    'not text': '\xff\xfe\xe9',
    'of a hundred': 'h'.repeat(100),
    'of a hundred and one': 'h'.repeat(101),
    [fromText('decomposed')]: fromText('e\u0301'.repeat(60)),
  };
  for (const [name, target] of Object.entries(links)) {
    fs.symlinkSync(Buffer.from(target, 'latin1'), pathIn(root, `links/${name}`));
  }
}

/** Eight MiB with a few bytes in the middle and at the end. */
function makeSparse(root: string): void {
  const descriptor = fs.openSync(pathIn(root, 'sizes/sparse'), 'w');
  fs.writeSync(descriptor, 'middle', 5_000_000);
  fs.writeSync(descriptor, 'end', 8 * 1024 * 1024);
  fs.closeSync(descriptor);
}

async function makeSpecial(root: string): Promise<Server> {
  fs.mkdirSync(join(root, 'special'));
  execFileSync('mkfifo', [join(root, 'special/fifo')]);
  fs.writeFileSync(join(root, 'special/file'), 'beside them');
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(root, 'special/socket'), resolve));
  return server;
}

/** Directory modes and times, once nothing is made in them any more. */
function settleTimes(root: string): void {
  fs.chmodSync(join(root, 'modes'), 0o555);
  fs.chmodSync(join(root, 'empty'), 0o1777);
  fs.chmodSync(join(root, 'hard/far'), 0o2750);
  for (const [index, path] of ['modes', 'empty', 'hard/far', 'hard', 'nested/empty', 'nested'].entries()) {
    fs.utimesSync(join(root, path), 1_600_000_000 + index, 1_600_000_000 + index);
  }
}
