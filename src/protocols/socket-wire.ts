/** The part of a websocket that sessions use, so that tests need no network. */
import type { WebSocketLike } from '@hono/node-server';
import type { WebSocket } from 'ws';

export interface SocketWire {
  /** Bytes sent that have not reached the network. */
  readonly bufferedAmount: number;
  /** @param flushed called when the frame has left, or the socket is gone. */
  send(data: string | Uint8Array, flushed?: () => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  /** Drops the connection without a closing handshake. */
  terminate(): void;
}

/** @hono/node-server types it minimally; it is the `ws` socket that http/server.ts made. */
export function rawSocket(socket: { readonly raw?: WebSocketLike }): WebSocket {
  return socket.raw as unknown as WebSocket;
}

export function wireOf(raw: WebSocket): SocketWire {
  return {
    get bufferedAmount() {
      return raw.bufferedAmount;
    },
    send: (data, flushed) => raw.send(data, () => flushed?.()),
    ping: () => raw.ping(),
    close: (code, reason) => raw.close(code, reason),
    terminate: () => raw.terminate(),
  };
}
