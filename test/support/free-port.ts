import { randomInt } from 'node:crypto';
import net from 'node:net';

/** Below the ports that Linux gives to outgoing connections by itself (net.ipv4.ip_local_port_range). */
const [FIRST, LAST] = [10_000, 32_000];

/**
 * A loopback port that nothing listens on now, and that no outgoing connection takes while a daemon that listens there is
 * restarted.
 */
export async function freePort(first = FIRST, last = LAST): Promise<number> {
  for (;;) {
    const port = randomInt(first, last);
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
