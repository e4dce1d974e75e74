/**
 * A Minecraft Bedrock whose database only appends: to a log, and to a manifest that says how far each log goes and which
 * tables there are. From `save hold` to `save resume` it goes on appending, begins new logs, and deletes nothing; `save
 * query` tells how long each file was.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { noise, sha256, TickingGame } from './ticking.ts';

const DB = 'worlds/Bedrock level/db';
const RECORD = 1024;
/** A log is made a table after so many records. */
const ROLL_AFTER = 20;
/** `save query` answers that it is not ready so often. */
const ASKED = 1;

export class BedrockDouble extends TickingGame {
  readonly #at: (path: string) => string;
  #log = 0;
  #records: Buffer[] = [];
  #tables = new Map<string, string>();
  #obsolete: string[] = [];
  #held: string | undefined;
  #asked = 0;

  constructor(...args: ConstructorParameters<typeof TickingGame>) {
    super(...args);
    this.#at = (path) => join(this.directory, path);
  }

  override start(): void {
    fs.rmSync(this.#at(DB), { recursive: true, force: true });
    fs.mkdirSync(this.#at(DB), { recursive: true });
    fs.writeFileSync(this.#at(`${DB}/CURRENT`), 'MANIFEST-000001\n');
    fs.writeFileSync(this.#at('worlds/Bedrock level/level.dat'), 'level');
    fs.writeFileSync(this.#at(`${DB}/MANIFEST-000001`), '');
    [this.#log, this.#records, this.#tables, this.#held] = [0, [], new Map(), undefined];
    this.#roll();
    super.start();
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  protected tick(): void {
    if (this.#records.length === ROLL_AFTER) this.#roll();
    const record = noise(RECORD);
    this.#records.push(record);
    fs.appendFileSync(this.#at(`${DB}/${logName(this.#log)}`), record);
    this.#note();
  }

  protected hear(line: string): void {
    if (line === 'save hold') {
      this.#held = this.#listed();
      this.#asked = 0;
      this.game.say('Saving...');
    } else if (line === 'save query') {
      const ready = this.#held !== undefined && this.#asked++ >= ASKED;
      if (!ready) return this.game.say('A previous save has not been completed.');
      this.game.say('Data saved. Files are now ready to be copied.');
      this.game.say(this.#held ?? '');
    } else if (line === 'save resume') {
      this.#held = undefined;
      this.#clear();
      this.game.say('Changes to the world are resumed.');
    }
  }

  /** The log becomes a table, and a new one is begun. */
  #roll(): void {
    if (this.#records.length > 0) {
      const content = Buffer.concat(this.#records);
      const name = `${number(this.#log)}.ldb`;
      fs.writeFileSync(this.#at(`${DB}/${name}`), content);
      this.#tables.set(name, sha256(content));
      this.#obsolete.push(logName(this.#log));
      const [oldest] = this.#tables.keys();
      if (this.#tables.size > 4 && oldest !== undefined) {
        this.#tables.delete(oldest);
        this.#obsolete.push(oldest);
      }
    }
    this.#log++;
    this.#records = [];
    fs.writeFileSync(this.#at(`${DB}/${logName(this.#log)}`), '');
    this.#note();
    if (this.#held === undefined) this.#clear();
  }

  #clear(): void {
    for (const name of this.#obsolete.splice(0)) fs.rmSync(this.#at(`${DB}/${name}`), { force: true });
  }

  #note(): void {
    const state = { log: this.#log, sum: sha256(Buffer.concat(this.#records)), tables: [...this.#tables] };
    fs.appendFileSync(this.#at(`${DB}/MANIFEST-000001`), `${JSON.stringify(state)}\n`);
  }

  #listed(): string {
    const names = ['CURRENT', 'MANIFEST-000001', logName(this.#log), ...this.#tables.keys()];
    const listed = [...names.map((name) => `Bedrock level/db/${name}`), 'Bedrock level/level.dat'];
    return listed.map((path) => `${path}:${fs.statSync(this.#at(`worlds/${path}`)).size}`).join(', ');
  }
}

function number(log: number): string {
  return String(log).padStart(6, '0');
}

function logName(log: number): string {
  return `${number(log)}.log`;
}

/** Why the database below a directory would lose something; undefined when all its files are of one moment. */
export function bedrockFault(directory: string): string | undefined {
  try {
    const at = (name: string): string => join(directory, DB, name);
    const lines = fs.readFileSync(at('MANIFEST-000001'), 'utf8').split('\n');
    if (lines.pop() !== '') return 'the manifest ends within a line';
    const state = JSON.parse(lines.at(-1) ?? '') as { log: number; sum: string; tables: [string, string][] };
    if (sha256(fs.readFileSync(at(logName(state.log)))) !== state.sum) return 'the log is not the one of the manifest';
    const torn = state.tables.find(([name, sum]) => sha256(fs.readFileSync(at(name))) !== sum);
    if (torn !== undefined) return `${torn[0]} is not the one of the manifest`;
    // A newer log would be played into the database, with what lies between missing.
    return fs.existsSync(at(logName(state.log + 1))) ? 'a log is newer than the manifest' : undefined;
  } catch (error) {
    return String(error);
  }
}
