/** A whole host in front mode whose game never stops writing, and a panel that says which game it is. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { GAME_SERVER, type RunningDaemon } from '../daemon.ts';
import type { Game } from '../wings/game.ts';
import { BACKUPS, backUp, frontHost, type FrontHost } from '../wings/front-host.ts';
import { BedrockDouble, bedrockFault } from './bedrock.ts';
import { MinecraftDouble, minecraftFault } from './minecraft.ts';
import type { TickingGame } from './ticking.ts';

interface Kind<Double extends TickingGame> {
  readonly startup: { readonly done: readonly string[]; readonly invocation: string };
  readonly make: (directory: string, game: Game) => Double;
  readonly fault: (directory: string) => string | undefined;
  /** What it is told so that it goes on. */
  readonly release: string;
}

/** Startups as the eggs of pelican-eggs/minecraft have them. */
export const MINECRAFT: Kind<MinecraftDouble> = {
  startup: { done: [')! For help, type '], invocation: 'java -Xms128M -jar server.jar' },
  make: (directory, game) => new MinecraftDouble(directory, game),
  fault: minecraftFault,
  release: 'save-on',
};
export const BEDROCK: Kind<BedrockDouble> = {
  startup: { done: ['Server started.'], invocation: './bedrock_server' },
  make: (directory, game) => new BedrockDouble(directory, game),
  fault: bedrockFault,
  release: 'save resume',
};

export type QuietHost<Double extends TickingGame = TickingGame> = FrontHost & {
  readonly double: Double;
  readonly kind: Kind<Double>;
  /** The lines that let it go on, as often as they were typed. */
  readonly releases: () => number;
};

/** @param more YAML of the node. */
export async function quietHost<Double extends TickingGame>(
  kind: Kind<Double>,
  more = 'power: { driver: wings }',
): Promise<QuietHost<Double>> {
  const scene = await frontHost(await openPanel(kind.startup), more);
  const { game, host } = scene;
  fs.rmSync(host.server, { recursive: true });
  fs.mkdirSync(host.server);
  const double = kind.make(host.server, game);
  game.program = double;
  onTestFinished(() => double.kill());
  await game.power('start');
  const releases = (): number => game.commands.filter((line) => line === kind.release).length;
  return { ...scene, double, kind, releases };
}

/** A panel that knows one server, and takes every report. */
async function openPanel({ done, invocation }: Kind<TickingGame>['startup']): Promise<string> {
  const one = {
    uuid: GAME_SERVER,
    settings: { uuid: GAME_SERVER, suspended: false, invocation, meta: { name: 'one' } },
    process_configuration: { startup: { done }, stop: {}, configs: [] },
  };
  const panel = createServer((request, response) => {
    const isList = new URL(request.url ?? '', 'http://x').pathname === '/api/remote/servers';
    response.writeHead(200, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(isList ? { data: [one], meta: { last_page: 1 } } : one));
  });
  await new Promise<void>((resolve) => void panel.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    panel.close();
    panel.closeAllConnections();
  });
  return `http://127.0.0.1:${(panel.address() as AddressInfo).port}`;
}

export interface SeenBackup {
  readonly id: string;
  readonly quiesced?: { readonly how: string; readonly heard?: string };
  readonly warnings: readonly { readonly path: string; readonly code: string; readonly message: string }[];
}

export async function shown(call: RunningDaemon['call'], id: string): Promise<SeenBackup> {
  return (await call(`${BACKUPS}/${id}`)).body;
}

/** Why the world of a backup is not whole, once tar has unpacked it; undefined when it is. */
export function faultOf({ host, kind }: QuietHost, id: string): string | undefined {
  const into = join(host.directory, `unpacked-${id}`);
  fs.mkdirSync(into);
  execFileSync('tar', ['--extract', '--gzip', '--file', join(host.backups, GAME_SERVER, `${id}.tar.gz`), '-C', into]);
  const fault = kind.fault(into);
  fs.rmSync(into, { recursive: true });
  return fault;
}

/** So many backups, one after the other. @returns why their worlds are not whole; undefined for those that are. */
export async function faultsOf(scene: QuietHost, call: RunningDaemon['call'], count: number) {
  const faults: (string | undefined)[] = [];
  for (let made = 0; made < count; made++) faults.push(faultOf(scene, await backUp(call)));
  return faults;
}
