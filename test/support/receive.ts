/** A client of downloads: patient or not, of a whole or a part, over TLS or not. */
import http from 'node:http';
import https from 'node:https';

export interface Habits {
  readonly range?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Turns of the event loop between two reads. */
  readonly rest?: number;
  /** Hangs up after so many bytes. */
  readonly most?: number;
}

/** The body that it receives; rejects when the status is not that of what was asked for. */
export function receive(url: string, { range, headers, rest = 0, most = Infinity }: Habits): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asked = { ...headers, ...(range === undefined ? {} : { range: `bytes=${range}` }) };
    const get = url.startsWith('https:') ? https.get : http.get;
    const request = get(url, { headers: asked, agent: false, rejectUnauthorized: false }, (answer) => {
      if (answer.statusCode !== (range === undefined ? 200 : 206)) reject(new Error(`${answer.statusCode}`));
      const pieces: Buffer[] = [];
      let length = 0;
      answer.on('data', (piece: Buffer) => {
        pieces.push(piece);
        length += piece.length;
        if (length >= most) answer.destroy();
        if (rest === 0) return;
        answer.pause();
        void turns(rest).then(() => answer.resume());
      });
      answer.on('close', () => resolve(Buffer.concat(pieces)));
    });
    request.on('error', reject);
  });
}

/** Waits so many turns of the event loop. */
export async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
