/**
 * Progress of one backup's job from the event socket, for display only: the command's result is the answer to its HTTP
 * request, so a failed socket only costs the bar.
 */
import { WebSocket } from 'ws';
import { MEBIBYTE } from '../../base/sizes.ts';
import { authorization, type Connection, endpoint, isRecord } from './api-client.ts';
import type { ProgressState } from '../terminal/progress.ts';

const PROGRESS_EVENT = /^(?:backup|restore)\.progress$/;

/**
 * Calls back with each progress of a backup until the returned function is called.
 *
 * @param backup the backup's id; other events are ignored.
 */
export function followProgress(
  connection: Connection,
  server: string,
  backup: string,
  onProgress: (state: ProgressState) => void,
): () => void {
  const url = endpoint(connection.url, `/api/servers/${encodeURIComponent(server)}/events`);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = new WebSocket(url, { headers: authorization(connection), maxPayload: 4 * MEBIBYTE });
  // Without the socket there is only no bar.
  socket.on('error', () => undefined);
  socket.on('message', (data: Buffer) => {
    const state = progressOf(data.toString('utf8'), backup);
    if (state !== undefined) onProgress(state);
  });
  return () => socket.terminate();
}

/** The progress in a frame about this backup, else undefined. */
export function progressOf(frame: string, backup: string): ProgressState | undefined {
  const event = parse(frame);
  if (event === undefined || event['backup'] !== backup || !PROGRESS_EVENT.test(String(event['type']))) {
    return undefined;
  }
  const data = isRecord(event['data']) ? event['data'] : {};
  const eta = data['etaSeconds'];
  return {
    phase: typeof data['phase'] === 'string' ? data['phase'] : 'working',
    bytesDone: count(data['bytesDone']),
    bytesTotal: count(data['bytesTotal']),
    filesDone: count(data['filesDone']),
    filesTotal: count(data['filesTotal']),
    bytesPerSecond: count(data['bytesPerSecond']),
    etaSeconds: typeof eta === 'number' && eta >= 0 ? eta : null,
  };
}

function parse(frame: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(frame);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function count(value: unknown): number {
  return typeof value === 'number' && value >= 0 ? value : 0;
}
