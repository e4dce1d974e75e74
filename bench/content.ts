/**
 * Content like a game server's. What matters to an archiver is how the bytes compress and how they are cut into files,
 * so each kind has the layout of the real thing; the meaning is made up.
 */
import { crc32, deflateRawSync, deflateSync } from 'node:zlib';
import { MEBIBYTE } from '../src/base/sizes.ts';
import { Random } from './random.ts';

const SECTOR = 4096;
const POOL = 384;

/** Makes one file's content of about `size` bytes. */
export type Maker = (random: Random, size: number) => Buffer;

/**
 * Compressed pieces are drawn from a pool, because deflating every chunk anew would take minutes; they are drawn in
 * random order, so that a repeat hardly ever lies within gzip's 32 KiB window.
 */
function pool(make: (random: Random) => Buffer): () => readonly Buffer[] {
  let pieces: readonly Buffer[] | undefined;
  return () => (pieces ??= Array.from({ length: POOL }, (_, at) => make(new Random(at + 1))));
}

/** A chunk's blocks: long runs of few values with some noise, as terrain is. */
const chunks = pool((random) => {
  const blocks = Buffer.alloc(random.between(24, 96) * 1024);
  for (let at = 0; at < blocks.length;) {
    const run = random.between(1, 16);
    blocks.fill(random.next() & 0x3f, at, Math.min(at + run, blocks.length));
    at += run;
  }
  return deflateSync(blocks, { level: 6 });
});

/** Region file (Anvil): a sector of locations, one of times, then zlib chunks padded to whole sectors. */
const region: Maker = (random, size) => {
  const head = Buffer.alloc(2 * SECTOR);
  const parts = [head];
  let sector = 2;
  for (let chunk = 0; chunk < 1024 && sector * SECTOR < size; chunk++) {
    const piece = random.pick(chunks());
    const sectors = Math.ceil((piece.length + 5) / SECTOR);
    const padded = Buffer.alloc(sectors * SECTOR);
    padded.writeUInt32BE(piece.length + 1, 0);
    padded[4] = 2;
    piece.copy(padded, 5);
    parts.push(padded);
    head.writeUInt32BE((sector << 8) | sectors, chunk * 4);
    head.writeUInt32BE(1_700_000_000 + random.between(0, 9_999_999), SECTOR + chunk * 4);
    sector += sectors;
  }
  return Buffer.concat(parts);
};

const classes = pool((random) => {
  const names = Array.from({ length: 40 }, () => `net/example/module${random.between(0, 99)}/Handler`);
  const parts: Buffer[] = [Buffer.from([0xca, 0xfe, 0xba, 0xbe])];
  for (let at = 0; at < 80; at++) parts.push(Buffer.from(random.pick(names)), random.bytes(random.between(20, 90)));
  return deflateRawSync(Buffer.concat(parts));
});

/** A jar: deflated entries behind local headers. Readers of zip are not asked, so it has no central directory. */
const jar: Maker = (random, size) => {
  const parts: Buffer[] = [];
  for (let total = 0; total < size;) {
    const piece = random.pick(classes());
    const name = Buffer.from(`net/example/Class${random.between(1000, 9999)}.class`);
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(8, 8);
    header.writeUInt32LE(crc32(piece), 14);
    header.writeUInt32LE(piece.length, 18);
    header.writeUInt16LE(name.length, 26);
    parts.push(header, name, piece);
    total += header.length + name.length + piece.length;
  }
  return Buffer.concat(parts);
};

const SENTENCES = [
  'joined the game',
  'left the game',
  'lost connection: Disconnected',
  'Saving chunks for level minecraft:overworld',
  "Can't keep up! Is the server overloaded? Running behind",
  'issued server command: /home',
  'UUID of player is',
  'has made the advancement [Stone Age]',
];

/** A log: time stamps, few sentences, some names and numbers. */
const log: Maker = (random, size) => {
  const lines: string[] = [];
  for (let total = 0, second = 0; total < size; second += random.between(0, 3)) {
    const clock = [Math.floor(second / 3600) % 24, Math.floor(second / 60) % 60, second % 60];
    const time = clock.map((part) => String(part).padStart(2, '0')).join(':');
    const line = `[${time}] [Server thread/INFO]: player${random.between(1, 400)} ${random.pick(SENTENCES)} ${random.next()}\n`;
    lines.push(line);
    total += line.length;
  }
  return Buffer.from(lines.join(''));
};

/** Pages of a database: a page header, cell pointers, rows of numbers and text. */
const database: Maker = (random, size) => {
  const pages = Buffer.alloc(Math.ceil(size / SECTOR) * SECTOR);
  for (let page = 0; page < pages.length; page += SECTOR) {
    pages[page] = 13;
    let at = page + SECTOR;
    for (let cell = 0; cell < 40; cell++) {
      const row = Buffer.from(`\u0004\u0000player${random.between(1, 5000)}minecraft:stone`);
      at -= row.length + 16;
      row.copy(pages, at);
      pages.writeDoubleBE(1_700_000_000_000 + random.next(), at + row.length);
      pages.writeDoubleBE(random.between(-30_000, 30_000), at + row.length + 8);
      pages.writeUInt16BE(at - page, page + 8 + cell * 2);
    }
  }
  return pages;
};

/** Images and sounds: bytes that are compressed as far as they go. */
const media: Maker = (random, size) =>
  Buffer.concat([Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), random.bytes(size)]);

/** A player's or plugin's settings. */
const settings: Maker = (random, size) => {
  const lines: string[] = [];
  for (let total = 0; total < size;) {
    const line = `  "${random.pick(['level', 'spawn', 'home', 'balance', 'rank'])}-${random.between(1, 99)}": ${random.next()},\n`;
    lines.push(line);
    total += line.length;
  }
  return Buffer.from(`{\n${lines.join('')}  "end": true\n}\n`);
};

export interface Kind {
  /** Its part of the tree's bytes; all together 1. */
  readonly share: number;
  /** Bytes of one file, from and to. */
  readonly size: readonly [number, number];
  name(number: number): string;
  readonly make: Maker;
}

const KIB = 1024;

/** The mix of a Minecraft-like server: mostly bytes that are compressed already. */
export const KINDS: readonly Kind[] = [
  {
    share: 0.48,
    size: [2 * MEBIBYTE, 9 * MEBIBYTE],
    name: (at) => `world/region/r.${at % 32}.${at >> 5}.mca`,
    make: region,
  },
  { share: 0.2, size: [200 * KIB, 8 * MEBIBYTE], name: (at) => `plugins/plugin-${at}.jar`, make: jar },
  { share: 0.1, size: [300 * KIB, 6 * MEBIBYTE], name: (at) => `logs/2024-${at}.log`, make: log },
  { share: 0.1, size: [1 * MEBIBYTE, 24 * MEBIBYTE], name: (at) => `plugins/data/store-${at}.db`, make: database },
  { share: 0.1, size: [8 * KIB, 2 * MEBIBYTE], name: (at) => `resources/${at % 20}/texture-${at}.png`, make: media },
  {
    share: 0.02,
    size: [200, 4 * KIB],
    name: (at) => `world/players/${at % 50}/${at}.${['json', 'yml', 'dat'][at % 3]}`,
    make: settings,
  },
];

/** One of the many small files of `--small-files`. */
export const SMALL_FILE: Omit<Kind, 'share'> = {
  size: [KIB, KIB],
  name: (at) => `data/${Math.floor(at / 1000)}/${at}.json`,
  make: (random, size) => settings(random, size).subarray(0, size),
};
