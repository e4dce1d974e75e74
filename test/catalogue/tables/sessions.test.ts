import { describe, expect, test } from 'vitest';
import type { ServerId } from '../../../src/base/ids.ts';
import type { LinkRecord, SessionRecord } from '../../../src/catalogue/sessions.ts';
import { scratchCatalogue } from '../../support/scratch-catalogue.ts';

const SCOPE = {
  token: 'first',
  fingerprint: 'f',
  permissions: ['backup.read'],
  servers: ['0b6b9c2e-6d39-4f6e-9d0e-6f5a6c1d2e3f' as ServerId],
  label: 'Ann’s',
  ancestors: ['a', 'b'],
};
const session = (id: string, lastUsedAt = 5): SessionRecord => ({
  ...SCOPE,
  id,
  secretHash: id.padEnd(64, '0'),
  kept: true,
  address: '192.0.2.1',
  createdAt: 1,
  lastUsedAt,
  expiresAt: 9,
});
const link = (id: string): LinkRecord => ({
  ...SCOPE,
  id,
  codeHash: id.padEnd(64, '0'),
  createdAt: 1,
  expiresAt: 9,
  usedAt: null,
});

describe('sessions in the catalogue', () => {
  test('come back as they were put in, the last used first', async () => {
    const { sessions } = (await scratchCatalogue()).catalogue;
    sessions.insert(session('1', 7));
    sessions.insert(session('2', 5));
    sessions.insert(session('3', 7));
    expect(sessions.list()).toEqual([session('3', 7), session('1', 7), session('2', 5)]);
    expect(sessions.bySecret('2'.padEnd(64, '0'))).toEqual(session('2', 5));
    expect([sessions.find('4'), sessions.bySecret('2')]).toEqual([undefined, undefined]);
  });

  test('note their use, and go', async () => {
    const { sessions } = (await scratchCatalogue()).catalogue;
    sessions.insert(session('1'));
    sessions.touch('1', { address: '::1', lastUsedAt: 8, expiresAt: 20 });
    sessions.touch('none', { address: '::1', lastUsedAt: 8, expiresAt: 20 });
    expect(sessions.list()).toEqual([{ ...session('1', 8), address: '::1', expiresAt: 20 }]);
    sessions.delete('1');
    sessions.delete('1');
    expect(sessions.list()).toEqual([]);
  });
});

describe('links in the catalogue', () => {
  test('are used once', async () => {
    const { sessions } = (await scratchCatalogue()).catalogue;
    sessions.insertLink(link('1'));
    sessions.insertLink(link('2'));
    expect([sessions.useLink('1', 6), sessions.useLink('1', 7), sessions.useLink('none', 7)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(sessions.links()).toEqual([link('2'), { ...link('1'), usedAt: 6 }]);
    expect(sessions.byCode('1'.padEnd(64, '0'))).toEqual({ ...link('1'), usedAt: 6 });
    sessions.deleteLink('1');
    expect(sessions.byCode('1'.padEnd(64, '0'))).toBeUndefined();
  });
});
