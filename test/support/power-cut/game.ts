/** What a client did to two servers and was told, and what must therefore be there after the power was cut. */
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { appendFile, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { DaemonProcess } from '../daemon-process.ts';
import { randomBytes } from '../random-bytes.ts';
import { packsIn } from '../stored-archive.ts';
import type { Disks, Layout } from './disks.ts';

export const KINDS = ['create', 'lock', 'delete', 'restore', 'merge', 'keep', 'undo', 'adopt', 'collect'] as const;
export type Kind = (typeof KINDS)[number];
/** Calls that no plain store answers. */
const OF_VAULTS: readonly Kind[] = ['adopt', 'collect'];

const FILES = 12;
const FILE_BYTES = 9000;

/** Path to digest, for each file. */
export type Tree = ReadonlyMap<string, string>;

interface MadeBackup {
  readonly tree: Tree;
  readonly locked: boolean;
  readonly sha256: string;
  /** True: the archive has a file of its own. */
  readonly plain: boolean;
}

interface ExpectedBackup {
  readonly locked: boolean;
  readonly sha256: string;
  /** In which forms the archive may lie in the store, one or both of two before a start, and one after it. */
  readonly forms: readonly Form[];
}

/** The ends of names of an archive's objects. */
export type Form = '.tar.gz' | '.recipe';

/** What a start after the cut has to find. */
export interface Expected {
  readonly servers: readonly {
    readonly id: string;
    /** One of them, whole. */
    readonly trees: readonly Tree[];
    /** Those that were answered for. */
    readonly backups: ReadonlyMap<string, ExpectedBackup>;
    /** Objects of the store that were answered to be gone, by their names in the server's directory. */
    readonly gone: ReadonlySet<string>;
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
  readonly gone = new Set<string>();
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
  /** How archives are kept that are made from now on. */
  layout: Layout;
  readonly #disks: Disks;
  readonly #pick: (below: number) => number;
  #written = 0;

  private constructor(disks: Disks, pick: (below: number) => number) {
    this.servers = [new GameServer(disks.servers), new GameServer(disks.servers)];
    this.layout = disks.layout;
    this.#disks = disks;
    this.#pick = pick;
  }

  static async make(disks: Disks, pick: (below: number) => number): Promise<Game> {
    const game = new Game(disks, pick);
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

  /** Whether a server has archives that an adoption takes in. */
  get hasPlain(): boolean {
    return this.servers.some((server) => plainOf(server).length > 0);
  }

  /** Calls that there are over this store, whether possible now or not. */
  get kinds(): readonly Kind[] {
    return KINDS.filter((kind) => this.#disks.layout === 'vault' || !OF_VAULTS.includes(kind));
  }

  /** Some call that is possible now. @param wanted is it, of the first server, where that allows it. */
  next(wanted?: Kind): Promise<Call> {
    const server = (wanted === undefined ? this.servers[this.#pick(this.servers.length)] : undefined) ?? this.#first;
    const enough = server.backups.size > 1;
    const possible: Record<Kind, boolean> = {
      create: true,
      lock: enough,
      delete: enough && unlockedOf(server).length > 0,
      restore: enough,
      merge: enough,
      keep: enough,
      undo: server.kept !== undefined,
      adopt: plainOf(server).length > 0,
      collect: true,
    };
    const kinds = this.kinds.filter((kind) => possible[kind]);
    const drawn = kinds[this.#pick(kinds.length)] ?? 'create';
    return this.call(wanted !== undefined && kinds.includes(wanted) ? wanted : drawn, server);
  }

  /** A call of that kind; the game goes on before it where that makes a difference to it. */
  async call(kind: Kind, server = this.#first): Promise<Call> {
    if (!['undo', 'lock', 'delete', ...OF_VAULTS].includes(kind)) await this.play(server);
    return kind === 'collect' ? this.#collecting(server) : this.#callOf(kind, server);
  }

  /** Changes a server as a game does: files with other content, and one more. What it wrote is on the disk then. */
  async play({ directory } = this.#first): Promise<void> {
    for (let file = 0; file < 3; file++) await this.#write(directory, this.#pick(FILES));
    await writeFile(join(directory, 'world', 'extra'), String(this.#written));
    await this.look();
    execFileSync('sync', ['--file-system', directory]);
  }

  /**
   * A collection of a server that has a pack which no recipe names, as a killed backup leaves it, and another at whose end are
   * bytes that none names: it is merged where holes are not given back.
   */
  async #collecting(server: GameServer): Promise<Call> {
    const name = `${randomUUID()}.pack`;
    const directory = join(this.#disks.store, server.id);
    await mkdir(directory, { recursive: true });
    const named = Array.from(packsIn(directory, Array.from(server.backups.keys()))).toSorted();
    const chosen = join(directory, `${named[this.#pick(Math.max(1, named.length))]}.pack`);
    // Not what is a plain archive, too.
    const isMerged = named.length > 0 && (await stat(chosen)).nlink === 1;
    if (isMerged) await appendFile(chosen, randomBytes(FILE_BYTES, ++this.#written));
    await writeFile(join(directory, name), randomBytes(FILE_BYTES, ++this.#written));
    execFileSync('sync', ['--file-system', directory]);
    return {
      kind: 'collect',
      server,
      tree: server.tree,
      open: undefined,
      send: ({ call }) => call(`/api/vaults/collect?server=${server.id}`, { body: {} }),
      done: () => {
        server.gone.add(name);
        if (isMerged && !this.#disks.givesHolesBack) server.gone.add(basename(chosen));
      },
    };
  }

  #callOf(kind: Exclude<Kind, 'collect'>, server: GameServer): Call {
    const backups = `/api/servers/${server.id}/backups`;
    const known = kind === 'delete' ? unlockedOf(server) : Array.from(server.backups.keys());
    const chosen = kind === 'undo' ? server.kept?.backup : known[this.#pick(Math.max(1, known.length))];
    const id = chosen ?? '';
    const old = server.tree;
    const plain = this.layout === 'plain';
    const made: MadeBackup = server.backups.get(id) ?? { tree: old, locked: false, sha256: '', plain };
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
    const calls: Record<Exclude<Kind, 'collect'>, () => Call> = {
      create: () => ({
        ...base,
        open: undefined,
        send: ({ call }) => call(backups, { body: {} }),
        done: (body) => {
          const { id: fresh, checksum: sha256 } = body as { readonly id: string; readonly checksum: string };
          server.backups.set(fresh, { tree: old, locked: false, sha256, plain });
        },
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
      adopt: () => ({
        ...base,
        open: undefined,
        send: ({ call }) => call(`/api/vaults/adopt?server=${server.id}`, { body: {} }),
        done: (body) => {
          const { adoptions } = body as { readonly adoptions: readonly { readonly backup: string }[] };
          const taken = adoptions.map(({ backup }) => backup).sort();
          if (taken.join() !== plainOf(server).sort().join()) throw new Error(`adopted: ${taken.join()}`);
          for (const [backup, facts] of server.backups) server.backups.set(backup, { ...facts, plain: false });
          for (const backup of taken) server.gone.add(`${backup}.tar.gz`);
        },
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
        backups: new Map(
          Array.from(server.backups, ([id, { locked, sha256, plain }]) => {
            const adopted = call?.kind === 'adopt' && call.server === server;
            return [id, { locked, sha256, forms: this.#formsOf(plain, adopted) }];
          }),
        ),
        gone: new Set(server.gone),
        deleted: new Set(server.deleted),
        open: call?.server === server ? call.open : undefined,
        kept: call?.server === server ? undefined : server.kept?.backup,
      })),
    };
  }

  #formsOf(plain: boolean, adopted: boolean): readonly Form[] {
    if (!plain) return ['.recipe'];
    return adopted ? ['.tar.gz', '.recipe'] : ['.tar.gz'];
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

function plainOf({ backups }: GameServer): string[] {
  return Array.from(backups.keys()).filter((id) => backups.get(id)?.plain === true);
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

export function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
