/**
 * A made-up world that is played: region files as the game keeps them (a saved chunk goes to the first gap, and its old
 * place is free afterwards), databases with pages that are rewritten in place, logs, jars and settings. A night changes
 * about three per cent of its bytes, most of them incompressible.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { MEBIBYTE } from '../src/base/sizes.ts';
import { KINDS } from './content.ts';
import { Random } from './random.ts';

const SECTOR = 4096;
const SIDE = 32;
const CHUNKS = SIDE * SIDE;
/** Chunks around a player that are saved. */
const NEAR = 10;

/** Chunks near some players, or single ones anywhere. */
export type Churn = 'spatial' | 'uniform';

interface Region {
  readonly path: string;
  /** First sector and count, by chunk; 0 for none. */
  readonly place: (readonly [number, number])[];
  readonly used: boolean[];
}

export class World {
  readonly directory: string;
  readonly #random: Random;
  readonly #regions: Region[] = [];
  readonly #databases: string[] = [];
  readonly #saved: number;
  #nights = 0;

  /**
   * Writes a world of about `size` bytes.
   *
   * @param saved the part of the chunks, and of the databases' pages, that a night writes.
   */
  constructor(directory: string, size: number, seed: number, saved = 0.04) {
    this.directory = directory;
    this.#saved = saved;
    this.#random = new Random(seed);
    for (let bytes = 0, at = 0; bytes < size * 0.7; at++) bytes += this.#makeRegion(at);
    for (const [name, share] of [
      ['jar', 0.12],
      ['log', 0.06],
      ['db', 0.1],
    ] as const) {
      const kind = KINDS.find((each) => each.name(0).endsWith(name));
      if (kind === undefined) throw new TypeError(`there is no kind of ${name}`);
      for (let bytes = 0, at = 0; bytes < size * share; at++) {
        const content = kind.make(this.#random, Math.min(size * share, 2 * MEBIBYTE));
        if (name === 'db') this.#databases.push(kind.name(at));
        this.#write(kind.name(at), content);
        bytes += content.length;
      }
    }
    for (let at = 0; at < 40; at++) this.#settings(at);
  }

  /** Plays for a night. @returns bytes that were written to chunks and pages. */
  play(churn: Churn): number {
    this.#nights++;
    const most = Math.round(this.#regions.length * CHUNKS * this.#saved);
    let bytes = 0;
    for (let saved = 0; saved < most;) {
      const [centre, reach] = [this.#random.next() % (this.#regions.length * CHUNKS), churn === 'spatial' ? NEAR : 0];
      for (let dz = -reach; dz <= reach && saved < most; dz++) {
        for (let dx = -reach; dx <= reach && saved < most; dx++) {
          const region = this.#regions[Math.floor(centre / CHUNKS)];
          const [x, z] = [(centre % SIDE) + dx, Math.floor((centre % CHUNKS) / SIDE) + dz];
          if (region === undefined || x < 0 || z < 0 || x >= SIDE || z >= SIDE) continue;
          bytes += this.#save(region, z * SIDE + x);
          saved++;
        }
      }
    }
    for (const path of this.#databases) bytes += this.#rewritePages(path);
    const line = `[night ${this.#nights}] player${this.#random.next() % 400} left the game ${this.#random.next()}\n`;
    this.#write(`logs/night-${this.#nights}.log`, Buffer.from(line.repeat(200)));
    for (let at = 0; at < 4; at++) this.#settings(this.#random.next() % 40);
    return bytes;
  }

  #makeRegion(at: number): number {
    const path = join(this.directory, `world/region/r.${at}.0.mca`);
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, Buffer.alloc(2 * SECTOR));
    const region = { path, place: Array.from({ length: CHUNKS }, () => [0, 0] as const), used: [true, true] };
    this.#regions.push(region);
    let bytes = 2 * SECTOR;
    for (let chunk = 0; chunk < CHUNKS; chunk++) bytes += this.#save(region, chunk);
    return bytes;
  }

  /** Writes a chunk to the first gap that holds it, then its place into the head, then frees where it was. */
  #save({ path, place, used }: Region, chunk: number): number {
    const sectors = 1 + (this.#random.next() % 4);
    let first = 2;
    for (let free = 0, at = 2; free < sectors; at++) {
      if (used[at] ?? false) [free, first] = [0, at + 1];
      else free++;
    }
    const content = this.#random.bytes(sectors * SECTOR);
    content.writeUInt32BE(sectors * SECTOR - 5, 0);
    const file = fs.openSync(path, 'r+');
    fs.writeSync(file, content, 0, content.length, first * SECTOR);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(((first << 8) | sectors) >>> 0, 0);
    head.writeUInt32BE(1_700_000_000 + this.#nights * 86_400, 4);
    fs.writeSync(file, head, 0, 4, chunk * 4);
    fs.writeSync(file, head, 4, 4, SECTOR + chunk * 4);
    fs.closeSync(file);
    for (let at = first; at < first + sectors; at++) used[at] = true;
    const [old, count] = place[chunk] ?? [0, 0];
    for (let at = old; at < old + count; at++) used[at] = false;
    place[chunk] = [first, sectors];
    return content.length;
  }

  #rewritePages(name: string): number {
    const file = fs.openSync(join(this.directory, name), 'r+');
    const pages = Math.floor(fs.fstatSync(file).size / SECTOR);
    const count = Math.ceil(pages * this.#saved);
    for (let at = 0; at < count; at++) {
      const row = this.#random.bytes(400);
      fs.writeSync(file, row, 0, row.length, (this.#random.next() % pages) * SECTOR + 1024);
    }
    fs.closeSync(file);
    return count * SECTOR;
  }

  #settings(at: number): void {
    const lines = Array.from({ length: 60 }, () => `  "home-${this.#random.next() % 99}": ${this.#random.next()},\n`);
    this.#write(`players/${at}.json`, Buffer.from(`{\n${lines.join('')}}\n`));
  }

  #write(name: string, content: Buffer): void {
    const path = join(this.directory, name);
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.writeFileSync(path, content);
  }
}
