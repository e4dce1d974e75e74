/** What a client did to two servers and was told, and what must therefore be there after the power was cut. */
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DaemonProcess } from '../daemon-process.ts';
import { randomBytes } from '../random-bytes.ts';

export const KINDS = ['create', 'lock', 'delete', 'restore', 'merge', 'keep', 'undo'] as const;
export type Kind = (typeof KINDS)[number];

const FILES = 12;
const FILE_BYTES = 9000;

/** Path to digest, for each file. */
export type Tree = ReadonlyMap<string, string>;

interface MadeBackup {
  readonly tree: Tree;
  readonly locked: boolean;
}

/** What a start after the cut has to find. */
export interface Expected {
  readonly servers: readonly {
    readonly id: string;
    /** One of them, whole. */
    readonly trees: readonly Tree[];
    /** Those that were answered for, and whether they are locked. */
    readonly backups: ReadonlyMap<string, boolean>;
    readonly deleted: ReadonlySet<string>;
    /** What the interrupted call was about: before or after it are both right. */
    readonly open: string | undefined;
    /** The restored backup whose restore can be undone. */
    readonly kept: string | undefined;
  }[];
}

export class GameServer {
  readonly id = randomUUID();
  readonly directory: string;
  readonly backups = new Map<string, MadeBackup>();
  readonly deleted = new Set<string>();
  tree: Tree = new Map();
  kept: { readonly backup: string; readonly tree: Tree } | undefined;

  constructor(root: string) {
    this.directory = join(root, this.id);
  }
}

/** A call, and what it makes of a server when it was answered well. */
export interface Call {
  readonly kind: Kind;
  readonly server: GameServer;
  readonly send: (daemon: DaemonProcess) => Promise<{ readonly status: number; readonly body: unknown }>;
  /** The tree that it leaves. */
  readonly tree: Tree;
  readonly open: string | undefined;
  readonly done: (body: unknown) => void;
}

export class Game {
  readonly servers: readonly GameServer[];
  readonly #pick: (below: number) => number;
  #written = 0;

  private constructor(root: string, pick: (below: number) => number) {
    this.servers = [new GameServer(root), new GameServer(root)];
    this.#pick = pick;
  }

  static async make(root: string, pick: (below: number) => number): Promise<Game> {
    const game = new Game(root, pick);
    for (const { directory } of game.servers) {
      await mkdir(join(directory, 'world', 'region'), { recursive: true });
      for (let file = 0; file < FILES; file++) await game.#write(directory, file);
    }
    await game.play();
    return game;
  }

  /** Reads the trees as they are. */
  async look(): Promise<void> {
    for (const server of this.servers) server.tree = await readTree(server.directory);
  }

  /** Some call that is possible now. */
  next(): Promise<Call> {
    const server = this.servers[this.#pick(this.servers.length)] ?? this.#first;
    const enough = server.backups.size > 1;
    const possible: Record<Kind, boolean> = {
      create: true,
      lock: enough,
      delete: enough && unlockedOf(server).length > 0,
      restore: enough,
      merge: enough,
      keep: enough,
      undo: server.kept !== undefined,
    };
    const kinds = KINDS.filter((kind) => possible[kind]);
    return this.call(kinds[this.#pick(kinds.length)] ?? 'create', server);
  }

  /** A call of that kind; the game goes on before it where that makes a difference to it. */
  async call(kind: Kind, server = this.#first): Promise<Call> {
    if (kind !== 'undo' && kind !== 'lock' && kind !== 'delete') await this.play(server);
    return this.#callOf(kind, server);
  }

  /** Changes a server as a game does: files with other content, and one more. What it wrote is on the disk then. */
  async play({ directory } = this.#first): Promise<void> {
    for (let file = 0; file < 3; file++) await this.#write(directory, this.#pick(FILES));
    await writeFile(join(directory, 'world', 'extra'), String(this.#written));
    await this.look();
    execFileSync('sync', ['--file-system', directory]);
  }

  #callOf(kind: Kind, server: GameServer): Call {
    const backups = `/api/servers/${server.id}/backups`;
    const known = kind === 'delete' ? unlockedOf(server) : Array.from(server.backups.keys());
    const chosen = kind === 'undo' ? server.kept?.backup : known[this.#pick(Math.max(1, known.length))];
    const id = chosen ?? '';
    const old = server.tree;
    const made: MadeBackup = server.backups.get(id) ?? { tree: old, locked: false };
    const base = { kind, server, tree: old, open: id };
    const restored = (tree: Tree, kept?: GameServer['kept']) => (): void => {
      server.tree = tree;
      server.kept = kept;
    };
    const restoring = (tree: Tree, body: object, kept?: GameServer['kept']): Call => ({
      ...base,
      tree,
      open: undefined,
      send: ({ call }) => call(`${backups}/restore?id=${id}`, { body }),
      done: restored(tree, kept),
    });
    const calls: Record<Kind, () => Call> = {
      create: () => ({
        ...base,
        open: undefined,
        send: ({ call }) => call(backups, { body: {} }),
        done: (body) => void server.backups.set((body as { readonly id: string }).id, { tree: old, locked: false }),
      }),
      lock: () => ({
        ...base,
        send: ({ call }) => call(`${backups}/lock?id=${id}`, { method: 'PATCH', body: { locked: !made.locked } }),
        done: () => void server.backups.set(id, { ...made, locked: !made.locked }),
      }),
      delete: () => ({
        ...base,
        send: ({ call }) => call(`${backups}/delete?id=${id}`, { method: 'DELETE' }),
        done: () => {
          server.backups.delete(id);
          server.deleted.add(id);
          if (server.kept?.backup === id) server.kept = undefined;
        },
      }),
      restore: () => restoring(made.tree, { truncate: true }),
      merge: () => restoring(new Map([...old, ...made.tree]), { truncate: false }),
      keep: () => restoring(made.tree, { truncate: true, keepPrevious: 5 }, { backup: id, tree: old }),
      undo: () => ({
        ...base,
        tree: server.kept?.tree ?? old,
        open: undefined,
        send: ({ call }) => call(`${backups}/${id}/undo`, { method: 'POST' }),
        done: restored(server.kept?.tree ?? old),
      }),
    };
    return calls[kind]();
  }

  /** @param call the one that runs now; without it, all were answered. */
  expected(call?: Call): Expected {
    return {
      servers: this.servers.map((server) => ({
        id: server.id,
        trees: call?.server === server ? [server.tree, call.tree] : [server.tree],
        backups: new Map(Array.from(server.backups, ([id, { locked }]) => [id, locked])),
        deleted: new Set(server.deleted),
        open: call?.server === server ? call.open : undefined,
        kept: call?.server === server ? undefined : server.kept?.backup,
      })),
    };
  }

  get #first(): GameServer {
    const [first] = this.servers;
    if (first === undefined) throw new Error('there are two');
    return first;
  }

  async #write(directory: string, file: number): Promise<void> {
    const path = join(directory, 'world', file % 2 === 0 ? 'region' : '.', `r.${file}`);
    await writeFile(path, randomBytes(FILE_BYTES, ++this.#written));
  }
}

function unlockedOf({ backups }: GameServer): readonly string[] {
  return Array.from(backups.keys()).filter((id) => backups.get(id)?.locked === false);
}

export async function readTree(directory: string): Promise<Tree> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const digests = await Promise.all(
    files.sort().map(async (path) => [path.slice(directory.length + 1), digestOf(await readFile(path))] as const),
  );
  return new Map(digests);
}

export function isSameTree(one: Tree, other: Tree): boolean {
  return one.size === other.size && Array.from(one).every(([path, digest]) => other.get(path) === digest);
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
