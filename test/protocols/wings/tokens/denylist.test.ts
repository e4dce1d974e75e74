import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/base/failure.ts';
import type { BackupId } from '../../../../src/base/ids.ts';
import { type DenylistChange, TokenDenylist, RESUME_SECONDS } from '../../../../src/protocols/wings/tokens/denylist.ts';
import type { PanelToken } from '../../../../src/protocols/wings/tokens/panel-token.ts';
import { scratchCatalogue } from '../../../support/scratch-catalogue.ts';
import { OTHER_SERVER, SERVER, UNKNOWN } from '../../../support/scripted-service.ts';

const BACKUP = UNKNOWN as BackupId;
const OTHER_BACKUP = OTHER_SERVER as string as BackupId;
const USER = '5b5b8c0e-0f3a-4b57-9a2c-6f0f3c1f7a11';

async function openGrants() {
  const { catalogue, clock } = await scratchCatalogue();
  const denylist = TokenDenylist.open(catalogue, clock);
  const now = () => Math.floor(clock.now() / 1000);
  const token = (more: Partial<PanelToken> = {}): PanelToken => ({
    use: 'download',
    issuer: 'https://panel.test',
    id: 'jti',
    user: USER,
    server: SERVER,
    backup: BACKUP,
    uniqueId: 'unique',
    permissions: [],
    scopes: undefined,
    issuedAt: now(),
    notBefore: undefined,
    expiresAt: now() + 900,
    ...more,
  });
  return { catalogue, clock, denylist, now, token, again: () => TokenDenylist.open(catalogue, clock) };
}

describe('denials', () => {
  test('hold for what was issued up to their second, and for nothing later', async () => {
    const { denylist, token, clock } = await openGrants();
    clock.advance(10_700);
    const before = token();
    denylist.denyTokens(['jti']);
    expect(denylist.isDenied(before, SERVER)).toBe(true);
    expect(denylist.isDenied(token(), SERVER)).toBe(true);
    expect(denylist.isDenied(token({ issuedAt: undefined }), SERVER)).toBe(true);
    expect(denylist.isDenied(token({ id: 'another' }), SERVER)).toBe(false);
    clock.advance(1000);
    expect(denylist.isDenied(before, SERVER)).toBe(true);
    expect(denylist.isDenied(token(), SERVER)).toBe(false);
  });

  test('of a user hold for the servers that were named, or for all', async () => {
    const { denylist, token } = await openGrants();
    denylist.denyUser(USER.toUpperCase(), [OTHER_SERVER]);
    expect(denylist.isDenied(token(), SERVER)).toBe(false);
    expect(denylist.isDenied(token(), OTHER_SERVER)).toBe(true);
    denylist.denyUser(USER, []);
    expect(denylist.isDenied(token(), SERVER)).toBe(true);
    expect(denylist.isDenied(token(), undefined)).toBe(true);
    expect(denylist.isDenied(token({ user: UNKNOWN }), SERVER)).toBe(false);
    // Calagopus has the user in the token's id.
    expect(denylist.isDenied(token({ user: undefined, id: USER }), SERVER)).toBe(true);
  });

  test('names from a panel cannot be mistaken for each other', async () => {
    const { denylist, token } = await openGrants();
    denylist.denyUser('*', [SERVER]);
    denylist.denyTokens(['user', `user","*","${USER}`, '']);
    expect(denylist.isDenied(token(), SERVER)).toBe(false);
    expect(denylist.isDenied(token({ id: '' }), SERVER)).toBe(true);
  });

  test('of what this node gave its own callers leave the panel’s alone', async () => {
    const { denylist, token } = await openGrants();
    denylist.denyOwn();
    expect(denylist.isDenied(token(), SERVER)).toBe(false);
    expect(denylist.isDenied(token({ issuer: 'roost' }), SERVER)).toBe(true);
  });

  test('hold after a restart', async () => {
    const { denylist, token, again, clock } = await openGrants();
    denylist.denyTokens(['jti']);
    denylist.denyUser(USER, [OTHER_SERVER]);
    clock.advance(5000);
    expect(again().isDenied(token({ issuedAt: denylist.startedAt }), SERVER)).toBe(true);
    expect(again().isDenied(token({ id: 'x', issuedAt: denylist.startedAt }), OTHER_SERVER)).toBe(true);
    expect(again().isDenied(token(), SERVER)).toBe(false);
    expect(again().startedAt).toBe(denylist.startedAt + 5);
  });

  test('beyond a thousand, the oldest become a line that denies more, never less', async () => {
    const { denylist, token, again, clock } = await openGrants();
    const [oldest, second] = [denylist.startedAt, denylist.startedAt + 1];
    denylist.denyTokens(['jti']);
    clock.advance(1000);
    const many = Array.from({ length: 1000 }, (_, index) => `many ${index}`);
    denylist.denyTokens(many);
    for (const each of [denylist, again()]) {
      expect(each.isDenied(token({ issuedAt: oldest }), SERVER)).toBe(true);
      expect(each.isDenied(token({ id: 'a stranger', issuedAt: oldest }), SERVER)).toBe(true);
      expect(each.isDenied(token({ id: 'a stranger', issuedAt: second }), SERVER)).toBe(false);
      expect(each.isDenied(token({ id: 'many 999', issuedAt: second }), SERVER)).toBe(true);
    }
  });

  test('count at once also when they cannot be stored, and the panel hears that they were not', async () => {
    const { catalogue, clock, token } = await openGrants();
    const full = new Failure('insufficient_storage', 'Cannot write the catalogue: no space left');
    const keys = {
      ...catalogue.keys,
      getText: () => undefined,
      setText: () => {
        throw full;
      },
    };
    const denylist = TokenDenylist.open({ ...catalogue, keys }, clock);
    const told: DenylistChange[] = [];
    denylist.onChange((change) => told.push(change));
    expect(() => denylist.denyTokens(['jti'])).toThrow(full);
    expect(denylist.isDenied(token(), SERVER)).toBe(true);
    expect(told).toEqual([{ kind: 'denied' }]);
  });

  test('are told to who listens, as long as they listen', async () => {
    const { denylist } = await openGrants();
    const told: DenylistChange[] = [];
    const stop = denylist.onChange((change) => told.push(change));
    denylist.denyUser(USER, []);
    denylist.serverDeleted(SERVER);
    stop();
    denylist.denyTokens(['x']);
    expect(told).toEqual([{ kind: 'denied' }, { kind: 'server deleted', server: SERVER }]);
  });
});

describe('a download', () => {
  test('is the same one however often it is asked for, also after a restart', async () => {
    const { denylist, token, again } = await openGrants();
    for (const each of [denylist, denylist, again()]) expect(each.openDownload(token(), BACKUP)).toBe(true);
  });

  test('is of one archive: the same link opens no other, whatever token carries it', async () => {
    const { denylist, token, again } = await openGrants();
    expect(denylist.openDownload(token(), BACKUP)).toBe(true);
    for (const each of [denylist, again()]) {
      expect(each.openDownload(token({ backup: OTHER_BACKUP }), OTHER_BACKUP)).toBe(false);
    }
    expect(denylist.openDownload(token({ uniqueId: 'another' }), OTHER_BACKUP)).toBe(true);
  });

  test.each([undefined, ''])('of a link named %j is known by what the token says', async (uniqueId) => {
    const { denylist, token } = await openGrants();
    expect(denylist.openDownload(token({ uniqueId }), BACKUP)).toBe(true);
    expect(denylist.openDownload(token({ uniqueId, backup: OTHER_BACKUP }), OTHER_BACKUP)).toBe(true);
    expect(denylist.openDownload(token({ uniqueId }), OTHER_BACKUP)).toBe(false);
  });

  test('may be resumed for some hours after its link expired, and only if it had begun', async () => {
    const { denylist, token, clock, catalogue, again } = await openGrants();
    const link = token();
    expect(denylist.hasBegun(link, BACKUP)).toBe(false);
    denylist.openDownload(link, BACKUP);
    clock.advance((900 + RESUME_SECONDS) * 1000);
    catalogue.usedTokens.sweep();
    expect(again().hasBegun(link, BACKUP)).toBe(true);
    expect(denylist.hasBegun(link, OTHER_BACKUP)).toBe(false);
    clock.advance(1000);
    expect(denylist.hasBegun(link, BACKUP)).toBe(false);
    catalogue.usedTokens.sweep();
  });

  test('of a link that never ends is remembered for a bounded time', async () => {
    const { denylist, token, clock, catalogue } = await openGrants();
    const link = token({ expiresAt: Number.MAX_SAFE_INTEGER });
    expect(denylist.openDownload(link, BACKUP)).toBe(true);
    expect(denylist.openDownload(link, BACKUP)).toBe(true);
    clock.advance(31 * 24 * 3_600_000);
    expect(catalogue.usedTokens.sweep()).toBe(2);
  });
});
