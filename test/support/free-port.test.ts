import fs from 'node:fs';
import { expect, test } from 'vitest';
import { freePort } from './free-port.ts';

test('ports are given out one after the other, below those of outgoing connections', async () => {
  const range = fs.readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8');
  const ports: number[] = [];
  for (let count = 0; count < 300; count++) ports.push(await freePort());
  expect(new Set(ports).size).toBe(300);
  expect(Math.max(...ports)).toBeLessThan(Number(range.split('\t')[0]));
});

test('fetch connects to every port that is given out', async () => {
  // Of each process's part, whichever this one has, the only ports are the one before and the refused one.
  const firsts = Array.from({ length: 64 }, (_, part) => 10_079 - 2 * part);
  for (const first of firsts) {
    for (const port of [await freePort(first, first + 128), await freePort(first, first + 128)]) {
      const failure: unknown = await fetch(`http://127.0.0.1:${port}`).catch((error: unknown) => error);
      expect(failure).toMatchObject({ cause: { code: 'ECONNREFUSED' } });
    }
  }
});
