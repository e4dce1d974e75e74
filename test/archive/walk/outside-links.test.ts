import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../../support/scratch.ts';
import { written } from '../../support/written-archive.ts';

async function makeServer(): Promise<{ home: string; root: string }> {
  const home = await scratchDirectory();
  const root = join(home, 'server');
  fs.mkdirSync(join(root, 'deep/er'), { recursive: true });
  fs.mkdirSync(join(home, 'disk/world'), { recursive: true });
  fs.writeFileSync(join(home, 'disk/file'), 'x');
  fs.writeFileSync(join(root, 'inside'), 'x');
  return { home, root };
}

test('links to what exists outside are named, by whatever way they lead there', async () => {
  const { home, root } = await makeServer();
  const links = {
    'a-directory': join(home, 'disk/world'),
    'b-file': join(home, 'disk/file'),
    'c-relative': '../disk/world',
    'd-through-another': 'a-directory',
    'deep/er/up': '../../../disk/file',
    'e-above': '..',
    'f-sibling': `${root}-not/../disk`,
  };
  fs.mkdirSync(`${root}-not`);
  for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, join(root, name));
  const { warnings } = (await written(root)).result;
  expect(warnings.every(({ code }) => code === 'link_outside')).toBe(true);
  expect(warnings.map(({ path }) => path)).toEqual(Object.keys(links));
  expect(warnings[2]?.message).toContain('"../disk/world"');
});

test('links that lead inside or nowhere are not, nor are those that are left out', async () => {
  const { home, root } = await makeServer();
  const links = {
    inner: 'inside',
    absolute: join(root, 'inside'),
    around: `../../${join(root, 'deep').split('/').at(-2)}/deep`,
    itself: '.',
    'deep/er/root': '../..',
    dangling: '/nowhere/at/all',
    loop: 'loop',
    ignored: join(home, 'disk/world'),
  };
  for (const [name, target] of Object.entries(links)) fs.symlinkSync(target, join(root, name));
  expect((await written(root, { ignore: ['/ignored'] })).result.warnings).toEqual([]);
});

test('a server whose own path leads over a link has inner links all the same', async () => {
  const { home, root } = await makeServer();
  fs.symlinkSync(root, join(home, 'by-link'));
  fs.symlinkSync(join(home, 'by-link/inside'), join(root, 'inner'));
  expect((await written(join(home, 'by-link'))).result.warnings).toEqual([]);
});

test('more than a hundred are counted in one last warning', async () => {
  const { home, root } = await makeServer();
  for (let number = 0; number < 130; number++) fs.symlinkSync(join(home, 'disk/file'), join(root, `l${number}`));
  const { warnings, warningCount } = (await written(root)).result;
  expect([warnings.length, warningCount]).toEqual([101, 101]);
  expect(warnings.at(-1)).toMatchObject({ path: '', message: expect.stringMatching(/^30 more links/) as string });
});
