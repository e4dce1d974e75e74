/** Requests written by hand on a bare connection, and answers as they come. */
import net from 'node:net';
import tls from 'node:tls';
import { TEST_CERTIFICATE } from '../certificate.ts';

export interface RawAnswer {
  readonly status: number;
  readonly reason: string;
  /** Names and values in their order and spelling. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  /** All that came, and whether the connection was reset. */
  readonly text: string;
  readonly reset: boolean;
}

export interface RawOptions {
  readonly secure?: boolean;
  /** Sent after the head, as fast as it is taken. */
  readonly body?: Iterable<Buffer>;
  /** Ends when this was received, instead of at the end of the connection. */
  readonly until?: RegExp;
}

/** Resolves when the other side has ended the connection, or what was waited for has come. */
export async function rawRequest(port: number, head: string, options: RawOptions = {}): Promise<RawAnswer> {
  const { secure = false, body = [], until } = options;
  const socket = secure
    ? tls.connect({ port, host: '127.0.0.1', ca: TEST_CERTIFICATE, servername: 'localhost' })
    : net.connect({ port, host: '127.0.0.1' });
  const chunks: Buffer[] = [];
  let reset = false;
  let heard = false;
  socket.on('error', (error: NodeJS.ErrnoException) => (reset ||= error.code === 'ECONNRESET'));
  const over = new Promise<void>((resolve) => {
    socket.on('close', () => resolve());
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (until?.test(Buffer.concat(chunks).toString('latin1')) === true) {
        heard = true;
        resolve();
      }
    });
  });
  socket.write(head, 'latin1');
  for (const piece of body) {
    if (socket.destroyed || heard) break;
    if (!socket.write(piece)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), over]);
  }
  await over;
  socket.destroy();
  return parsed(Buffer.concat(chunks).toString('latin1'), reset);
}

function parsed(text: string, reset: boolean): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = (end < 0 ? text : text.slice(0, end)).split('\r\n');
  const [, status = '0', reason = ''] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(first) ?? [];
  const headers = lines.map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)] as const);
  return { status: Number(status), reason, headers, body: end < 0 ? '' : text.slice(end + 4), text, reset };
}

export function headerOf({ headers }: Pick<RawAnswer, 'headers'>, name: string): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1];
}
