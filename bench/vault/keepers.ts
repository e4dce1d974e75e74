/** Programs that keep the nights of a world, each in a directory of its own. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { BenchDaemon, FULL } from '../daemon.ts';
import { hasTime, quoted } from '../measure.ts';

/** A way of keeping backups. Nights are counted from 0. */
export interface Keeper {
  readonly name: string;
  /** The directory that it keeps them in. */
  readonly store: string;
  /** Where the world lies. */
  readonly world: string;
  /** Keeps the world as it is. @returns bytes written since the night before, by what let nights go, too. */
  night(): Promise<number>;
  /** Lets a night go. */
  forget(night: number): Promise<void>;
  restore(night: number): Promise<void>;
  /** Only what serves archives has these. */
  readonly archives?: Archives;
  close(): Promise<void>;
}

export interface Archives {
  verify(night: number): Promise<void>;
  download(night: number): Promise<void>;
  /** One file. @returns milliseconds. */
  file(night: number, path: string): Promise<number>;
  size(night: number): Promise<number>;
}

export const KEEPERS: Readonly<Record<string, (home: string) => Promise<Keeper>>> = {
  plain: (home) => roost(home, 'plain'),
  vault: (home) => roost(home, 'vault'),
  restic: (home) => Promise.resolve(restic(home)),
  borg: (home) => Promise.resolve(borg(home)),
};

async function roost(home: string, layout: 'plain' | 'vault'): Promise<Keeper> {
  const daemon = await BenchDaemon.start(home, 50, layout);
  const ids: string[] = [];
  let written = 0;
  const id = (night: number): string => ids[night] ?? '';
  const backups = `/api/servers/${FULL}/backups`;
  return {
    name: layout,
    store: join(home, 'backups'),
    world: join(home, 'servers', FULL),
    async night() {
      ids.push(await daemon.backup(FULL));
      const before = written;
      written = daemon.writtenBytes();
      return written - before;
    },
    forget: (night) => daemon.remove(FULL, id(night)),
    restore: (night) => daemon.restore(FULL, id(night)),
    archives: {
      verify: async (night) => void (await daemon.call(`${backups}/${id(night)}/verify`, {})),
      async download(night) {
        const answer = await fetch(await daemon.downloadUrl(FULL, id(night)));
        if (answer.body !== null) for await (const _ of answer.body);
      },
      async file(night, path) {
        const content = `${backups}/${id(night)}/files/content?path=${encodeURIComponent(path)}`;
        return (await daemon.ask(content)).milliseconds;
      },
      size: async (night) => ((await daemon.call(`${backups}/${id(night)}`)) as { readonly size: number }).size,
    },
    close: () => daemon.stop(),
  };
}

function restic(home: string): Keeper {
  const snapshot = (night: number): string => {
    const all = JSON.parse(fs.readFileSync(join(home, 'snapshots.json'), 'utf8')) as readonly {
      readonly id: string;
      readonly tags: readonly string[];
    }[];
    return all.find(({ tags }) => tags.includes(`night-${night}`))?.id ?? '';
  };
  return program(home, 'restic', {
    init: 'restic init -r kept --repository-version 2',
    night: (night) =>
      `restic backup -q --tag night-${night} -r kept world; restic snapshots -r kept --json > snapshots.json`,
    forget: (night) => `restic forget -q -r kept --prune ${snapshot(night)}`,
    restore: (night) => `restic restore -q -r kept --target out ${snapshot(night)}`,
  });
}

function borg(home: string): Keeper {
  return program(home, 'borg', {
    init: 'borg init -e none kept',
    night: (night) => `borg create kept::night-${night} world`,
    forget: (night) => `borg delete kept::night-${night}; borg compact kept`,
    restore: (night) => `cd out; borg extract ../kept::night-${night}`,
  });
}

/** @param lines of a shell, which begin in `home`. */
function program(
  home: string,
  name: string,
  lines: { readonly init: string } & Readonly<Record<'night' | 'forget' | 'restore', (night: number) => string>>,
): Keeper {
  let nights = 0;
  let forgetting = 0;
  shell(home, lines.init);
  return {
    name,
    store: join(home, 'kept'),
    world: join(home, 'world'),
    night() {
      const written = forgetting + shell(home, lines.night(nights++));
      forgetting = 0;
      return Promise.resolve(written);
    },
    forget(night) {
      forgetting += shell(home, lines.forget(night));
      return Promise.resolve();
    },
    restore(night) {
      fs.rmSync(join(home, 'out'), { recursive: true, force: true });
      fs.mkdirSync(join(home, 'out'));
      shell(home, lines.restore(night));
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** @returns bytes that the line wrote to disks, as the kernel counts them (getrusage(2), ru_oublock). */
function shell(home: string, line: string): number {
  const report = join(home, 'written.txt');
  const command = ['bash', '-ec', `cd ${quoted(home)}; ${line}`];
  const argv = hasTime ? ['/usr/bin/time', '--quiet', '-o', report, '-f', '%O', ...command] : command;
  const env = {
    ...process.env,
    HOME: home,
    RESTIC_PASSWORD: 'bench',
    BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: 'yes',
    BORG_RELOCATED_REPO_ACCESS_IS_OK: 'yes',
  };
  const { status, stderr } = spawnSync(argv[0] ?? '', argv.slice(1), { env, stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`"${line}" ended with ${status}: ${String(stderr)}`);
  return hasTime ? Number(fs.readFileSync(report, 'utf8')) * 512 : Number.NaN;
}
