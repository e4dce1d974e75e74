/** What a session of any dialect needs of a websocket, so that it can be tested without a network. */
import type { WebSocketLike } from '@hono/node-server';
import type { WebSocket } from 'ws';

export interface SocketWire {
  /** Bytes that were sent and did not reach the network yet. */
  readonly bufferedAmount: number;
  /** `flushed` is called when the frame left, or when the socket is gone. */
  send(text: string, flushed?: () => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  /** Drops the connection without a closing handshake. */
  terminate(): void;
}

/** What @hono/node-server types as the least a websocket has is the one that the server made with ws. */
export function rawSocket(socket: { readonly raw?: WebSocketLike }): WebSocket {
  return socket.raw as unknown as WebSocket;
}

export function wireOf(raw: WebSocket): SocketWire {
  return {
    get bufferedAmount() {
      return raw.bufferedAmount;
    },
    send: (text, flushed) => raw.send(text, () => flushed?.()),
    ping: () => raw.ping(),
    close: (code, reason) => raw.close(code, reason),
    terminate: () => raw.terminate(),
  };
}
