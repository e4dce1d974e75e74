/**
 * A small sample server to back up, browse, damage and restore. It covers typical content: a region file that barely
 * compresses, text, a link, an empty directory, a non-ASCII name, and an ignore file.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';

const SECTOR = 4096;
const CHUNKS = 64;

const TEXTS: Readonly<Record<string, string>> = {
  '.roostignore': '# What a backup leaves out, in the syntax of .gitignore\ncache/\n*.tmp\n',
  'server.properties': 'motd=A sample server\nlevel-name=world\nmax-players=20\nserver-port=25565\n',
  'eula.txt': 'eula=true\n',
  'ops.json': '[{ "name": "robin", "level": 4 }]\n',
  'plugins/homes/config.yml': 'max_homes: 3\nteleport_delay: 2\n',
  'plugins/homes/Überfahrt.yml': 'from: harbour\nto: lighthouse\n',
  'cache/downloads.tmp': 'never part of a backup\n',
  'world/level.dat': 'sample world, seed 8675309\n',
  'world/playerdata/robin.json': '{ "position": [12, 71, -40], "health": 20, "inventory": ["map", "lantern"] }\n',
};

/** Creates the directory and writes the sample, replacing existing files. */
export function writeSampleServer(directory: string): void {
  for (const [name, text] of Object.entries(TEXTS)) write(join(directory, name), text);
  write(join(directory, 'logs/latest.log'), logText());
  for (const [x, z] of [
    [0, 0],
    [-1, 0],
  ] as const) {
    write(join(directory, `world/region/r.${x}.${z}.mca`), region(x * 31 + z + 7));
  }
  fs.mkdirSync(join(directory, 'world/datapacks'), { recursive: true });
  const link = join(directory, 'logs/newest');
  fs.rmSync(link, { force: true });
  fs.symlinkSync('latest.log', link);
}

function write(path: string, content: string | Buffer): void {
  fs.mkdirSync(dirname(path), { recursive: true });
  fs.writeFileSync(path, content);
}

function logText(): string {
  const lines = Array.from({ length: 2000 }, (_, at) => {
    const time = new Date(at * 7000).toISOString().slice(11, 19);
    return `[${time}] [Server thread/INFO]: ${at % 9 === 0 ? 'robin joined the game' : 'Saving chunks for level world'}\n`;
  });
  return lines.join('');
}

/** A region file in Minecraft's layout: a sector of locations, one of times, then compressed chunks. */
function region(seed: number): Buffer {
  const head = Buffer.alloc(2 * SECTOR);
  const parts = [head];
  let sector = 2;
  for (let chunk = 0; chunk < CHUNKS; chunk++) {
    const stored = deflateSync(blocks(seed * CHUNKS + chunk));
    const sectors = Math.ceil((stored.length + 5) / SECTOR);
    const padded = Buffer.alloc(sectors * SECTOR);
    padded.writeUInt32BE(stored.length + 1, 0);
    padded[4] = 2;
    stored.copy(padded, 5);
    parts.push(padded);
    head.writeUInt32BE((sector << 8) | sectors, chunk * 4);
    sector += sectors;
  }
  return Buffer.concat(parts);
}

/** Layers of blocks with scattered ores; deterministic per seed. */
function blocks(seed: number): Buffer {
  const content = Buffer.alloc(16 * 16 * 64);
  let state = seed * 2654435761 + 1;
  for (let at = 0; at < content.length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    content[at] = state >>> 28 === 0 ? 16 + (state >>> 24) : 1 + (at >> 12);
  }
  return content;
}
