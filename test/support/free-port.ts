import { randomInt } from 'node:crypto';
import net from 'node:net';

/** Below the ports that Linux gives to outgoing connections by itself (net.ipv4.ip_local_port_range). */
const [FIRST, LAST] = [10_000, 32_000];
/** Each process of a run takes from a part of its own, so that two never find the same port free at the same time. */
const PARTS = 64;
const PART = (Number(process.env['VITEST_POOL_ID'] ?? 1) - 1) % PARTS;

/** Where in its part this process goes on: a port that was given out is not given out again soon, whether it is used yet or not. */
let next = randomInt(LAST);

/**
 * A loopback port that nothing listens on now, and that no outgoing connection takes while a daemon that listens there is
 * restarted.
 */
export async function freePort(first = FIRST, last = LAST): Promise<number> {
  const size = Math.floor((last - first) / PARTS);
  for (;;) {
    const port = first + PART * size + (next++ % size);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
