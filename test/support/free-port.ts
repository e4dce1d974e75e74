import { randomInt } from 'node:crypto';
import net from 'node:net';

/** Below the ports that Linux gives to outgoing connections by itself (net.ipv4.ip_local_port_range). */
const [FIRST, LAST] = [10_000, 32_000];
/** Each process of a run takes from a part of its own, so that two never find the same port free at the same time. */
const PARTS = 64;
/** Ports from 300 on that `fetch` never connects to, whatever listens there ("bad port", fetch.spec.whatwg.org). */
const REFUSED_BY_FETCH: ReadonlySet<number> = new Set([
  389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995,
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
]);
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
    if (!REFUSED_BY_FETCH.has(port) && (await isFree(port))) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
