/** Whole daemons in front of a Wings whose game has files: they are started, killed, and started again. */
import fs from 'node:fs';
import { join } from 'node:path';
import { GAME_SERVER, type Host, runDaemonOn, type RunningDaemon, scratchHost } from '../daemon.ts';
import { freePort } from '../free-port.ts';
import type { PanelFlavour } from '../panel/flavours.ts';
import type { Game, GameProgram } from './game.ts';
import { openWings, type Wings } from './wings.ts';

/** A game that reads its world at the start, keeps it in memory, and writes it back when it is asked to end. */
export class World implements GameProgram {
  readonly #directory: string;
  /** What the game that runs has read. */
  loaded: string | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  start(): void {
    const level = join(this.#directory, 'world', 'level.dat');
    // In the midst of a swap there may be none.
    this.loaded = fs.existsSync(level) ? fs.readFileSync(level, 'utf8') : 'none';
  }

  stop(): void {
    if (this.loaded !== undefined && this.loaded !== 'none')
      fs.writeFileSync(join(this.#directory, 'world', 'level.dat'), this.loaded);
    this.loaded = undefined;
  }

  kill(): void {
    this.loaded = undefined;
  }

  /** Makes the tree of one generation: every file says which. */
  make(generation: string): void {
    for (const name of ['world', 'plugins', 'logs']) fs.mkdirSync(join(this.#directory, name), { recursive: true });
    for (const path of FILES) fs.writeFileSync(join(this.#directory, path), generation);
  }

  /** The generations of all its files: one, when the tree is whole. */
  generations(): string[] {
    return [...new Set(FILES.map((path) => fs.readFileSync(join(this.#directory, path), 'utf8')))];
  }
}

const FILES = ['eula.txt', 'world/level.dat', 'plugins/one.jar', 'plugins/two.jar', 'logs/latest.log', 'ops.json'];

export interface FrontHost {
  readonly host: Host;
  readonly wings: Wings;
  readonly game: Game;
  readonly world: World;
  /** The node's address. */
  readonly url: string;
  readonly authorized: Readonly<Record<string, string>>;
}

/** @param remote the panel; nothing listens there when absent. @param more YAML, such as another `power`. */
export async function frontHost(
  remote = 'http://127.0.0.1:9',
  more = 'power: { driver: wings }',
  flavour: PanelFlavour = 'pterodactyl',
): Promise<FrontHost> {
  const wings = await openWings({ servers: [GAME_SERVER], remote, flavour });
  const port = await freePort();
  const host = await scratchHost(`
panel: { flavour: ${flavour} }
front:
  listen: { host: 127.0.0.1, port: ${port} }
  wings: ${wings.url}
  wings_config: ${wings.file.path}
${more}
`);
  const game = wings.games.get(GAME_SERVER);
  if (game === undefined) throw new Error('no game');
  const world = new World(host.server);
  fs.rmSync(join(host.server, 'world'), { recursive: true });
  world.make('one');
  game.program = world;
  return {
    host,
    wings,
    game,
    world,
    url: `http://127.0.0.1:${port}`,
    authorized: { authorization: `Bearer ${wings.token}`, 'content-type': 'application/json' },
  };
}

export const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

/** A running game whose tree is of generation two, and a backup of generation one. */
export async function twoGenerations(): Promise<FrontHost & { readonly backup: string }> {
  const scene = await frontHost();
  const { daemon, call } = await runDaemonOn(scene.host);
  const backup = await backUp(call);
  await daemon.stop();
  scene.world.make('two');
  await scene.game.power('start');
  return { ...scene, backup };
}

export async function backUp(call: RunningDaemon['call']): Promise<string> {
  const { status, body } = await call(BACKUPS, { body: {} });
  if (status !== 201) throw new Error(`a backup was answered with ${status}: ${JSON.stringify(body)}`);
  return (body as { readonly id: string }).id;
}

/** Begins a restore; resolves once it was accepted. */
export async function restore(call: RunningDaemon['call'], backup: string): Promise<void> {
  const options = { body: { truncate: true }, headers: { prefer: 'respond-async' } };
  const { status, body } = await call(`${BACKUPS}/restore?id=${backup}`, options);
  if (status !== 202) throw new Error(`a restore was answered with ${status}: ${JSON.stringify(body)}`);
}

/** No job waits or runs. */
export async function isIdle(call: RunningDaemon['call']): Promise<boolean> {
  const { body } = await call('/api/jobs');
  const { jobs } = body as { readonly jobs: readonly { readonly state: string }[] };
  return jobs.every(({ state }) => state !== 'queued' && state !== 'running');
}
