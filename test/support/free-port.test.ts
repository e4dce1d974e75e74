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
