/**
 * A Minecraft Java that writes one region after the other, and in its level what each of them holds: a world is whole
 * when they agree. It keeps its files still from `save-off` on, and says so once `save-all flush` has written all.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { noise, sha256, TickingGame } from './ticking.ts';

const REGIONS = ['r.0.0.mca', 'r.0.1.mca', 'r.1.0.mca', 'r.1.1.mca'];
const REGION_BYTES = 64 * 1024;

export class MinecraftDouble extends TickingGame {
  isSaving = true;
  /** Never says that it has saved. */
  isMute = false;
  #next = 0;
  #flushing = 0;
  readonly #sums = new Map<string, string>();

  override start(): void {
    fs.mkdirSync(join(this.directory, 'world/region'), { recursive: true });
    this.isSaving = true;
    for (let write = 0; write <= REGIONS.length; write++) this.#write();
    super.start();
  }

  protected tick(): void {
    if (this.#flushing > 0) this.#flush();
    else if (this.isSaving) this.#write();
  }

  protected hear(line: string): void {
    const told: Readonly<Record<string, () => void>> = {
      'save-off': () => {
        this.isSaving = false;
        this.#say('Automatic saving is now disabled');
      },
      'save-on': () => {
        this.isSaving = true;
        this.#say('Automatic saving is now enabled');
      },
      'save-all flush': () => {
        this.#say('Saving the game (this may take a moment!)');
        // A player's word for it comes at once, and is not the game's.
        this.#say('<mallory> [12:00:00] [Server thread/INFO]: Saved the game');
        this.#flushing = 2;
      },
    };
    told[line]?.();
  }

  #flush(): void {
    this.#write();
    // Not within a round: a world is whole only behind its level.
    if (this.#next === 0) this.#flushing--;
    if (this.#flushing === 0 && !this.isMute) this.#say('Saved the game');
  }

  /** The next region; after the last, the level. */
  #write(): void {
    const name = REGIONS[this.#next];
    if (name === undefined) {
      fs.writeFileSync(join(this.directory, 'world/level.dat'), JSON.stringify([...this.#sums]));
      this.#next = 0;
      return;
    }
    const content = noise(REGION_BYTES);
    this.#sums.set(name, sha256(content));
    fs.writeFileSync(join(this.directory, 'world/region', name), content);
    this.#next++;
  }

  #say(text: string): void {
    this.game.say(`[12:00:00] [Server thread/INFO]: ${text}`);
  }
}

/** Why the world below a directory is not whole; undefined when it is. */
export function minecraftFault(directory: string): string | undefined {
  try {
    const level = JSON.parse(fs.readFileSync(join(directory, 'world/level.dat'), 'utf8')) as [string, string][];
    const torn = level.find(([name, sum]) => sha256(fs.readFileSync(join(directory, 'world/region', name))) !== sum);
    return torn === undefined ? undefined : `${torn[0]} is not the one of its level`;
  } catch (error) {
    return String(error);
  }
}
