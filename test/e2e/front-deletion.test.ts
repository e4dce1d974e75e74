/** Whole daemons before a Wings whose server is deleted, or leaves for another node. */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import type { PanelFlavour } from '../support/panel/flavours.ts';
import { BACKUPS, backUp, frontHost, type FrontHost, isIdle, restore } from '../support/wings/front-host.ts';

/** So slow that a backup of the large file is not done before it is cancelled. */
const SLOW = 'power: { driver: wings }\nbackups: { write_limit: 1 }';

async function scene(flavour: PanelFlavour, more = 'power: { driver: wings }') {
  const host = await frontHost('http://127.0.0.1:9', more, flavour);
  const { call } = await runDaemonOn(host.host);
  const kept = await backUp(call);
  return { ...host, call, kept };
}

async function deleted({ url, authorized }: FrontHost): Promise<number> {
  return (await fetch(`${url}/api/servers/${GAME_SERVER}`, { method: 'DELETE', headers: authorized })).status;
}

const refusing: FrontHost['wings']['script'] = ({ method }, outgoing) => {
  if (method === 'DELETE') outgoing.writeHead(500).end();
  return method === 'DELETE';
};

/** Ids of the archives in the store. */
function archives({ host }: FrontHost): string[] {
  const directory = join(host.backups, GAME_SERVER);
  if (!fs.existsSync(directory)) return [];
  const names = fs.readdirSync(directory).filter((name) => !name.endsWith('.index') && !name.endsWith('.json'));
  return [...new Set(names.map((name) => name.slice(0, name.indexOf('.'))))];
}

test.each([
  ['pterodactyl', 'whose backups stay', true],
  ['pelican', 'whose backups go with it', false],
] as const)('check 16: a server of %s, %s, is deleted during a backup', async (flavour, _, stay) => {
  const at = await scene(flavour, SLOW);
  fs.writeFileSync(join(at.host.server, 'big'), randomBytes(16 << 20));
  expect((await at.call(BACKUPS, { body: {}, headers: { prefer: 'respond-async' } })).status).toBe(202);
  await eventually(async () => !(await isIdle(at.call)));
  expect(await deleted(at)).toBe(204);
  expect(at.wings.games.has(GAME_SERVER)).toBe(false);
  await eventually(() => isIdle(at.call));
  await eventually(() => archives(at).join() === (stay ? at.kept : ''));
});

test('check 16: a backup that runs ends although Wings then fails to delete its server, and those before stay', async () => {
  const at = await scene('pelican', SLOW);
  at.wings.script = refusing;
  fs.writeFileSync(join(at.host.server, 'big'), randomBytes(16 << 20));
  expect((await at.call(BACKUPS, { body: {}, headers: { prefer: 'respond-async' } })).status).toBe(202);
  await eventually(async () => !(await isIdle(at.call)));
  expect(await deleted(at)).toBe(500);
  await eventually(() => isIdle(at.call));
  expect(archives(at)).toEqual([at.kept]);
  expect((await at.call(`${BACKUPS}/${at.kept}/verify`, { method: 'POST' })).status).toBe(200);
});

test.each([
  ['is deleted', 204],
  ['stays since Wings fails', 500],
])('check 16: a server that is being restored %s: its tree is the old one', async (_, status) => {
  const at = await scene('pterodactyl');
  const { game, world, wings } = at;
  world.make('two');
  await game.power('start');
  const ends = Promise.withResolvers<void>();
  game.endsAfter = ends.promise;
  if (status === 500) wings.script = refusing;
  await restore(at.call, at.kept);
  await eventually(() => game.state === 'stopping');
  expect(await deleted(at)).toBe(status);
  expect(await isIdle(at.call)).toBe(true);
  ends.resolve();
  expect(archives(at)).toEqual([at.kept]);
  // What the game saved last is its own.
  await eventually(() => world.generations().join() === 'two');
  if (status === 500) await eventually(() => game.state === 'running' && world.loaded === 'two');
});

test('check 16: Pelican’s transfer carries the archives of Roost, byte for byte', async () => {
  const at = await scene('pelican');
  const { call, url, authorized, wings, kept } = at;
  const { checksum } = (await call(`${BACKUPS}/${kept}`)).body as { readonly checksum: string };
  const directory = (wings.file.read()['system'] as { readonly backup_directory: string }).backup_directory;
  let sent = '';
  wings.script = () => {
    // As its transfer finds them: by their names, those that are there.
    sent = createHash('sha256')
      .update(fs.readFileSync(join(directory, GAME_SERVER, `${kept}.tar.gz`)))
      .digest('hex');
    return false;
  };
  const body = JSON.stringify({ url: 'https://other.test/api/transfers', token: 't', backups: [kept] });
  const answer = await fetch(`${url}/api/servers/${GAME_SERVER}/transfer`, {
    method: 'POST',
    headers: authorized,
    body,
  });
  expect([answer.status, sent]).toEqual([202, checksum]);
  wings.script = () => false;
  expect(await deleted(at)).toBe(204);
  expect(fs.readdirSync(join(directory, GAME_SERVER))).toEqual([]);
});
