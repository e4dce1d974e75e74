/** Heads of requests to a node, spelled by hand. */
import { WINGS_TOKEN } from './wings.ts';

export const AUTHORIZED = `Authorization: Bearer ${WINGS_TOKEN}`;

/** The connection ends after the answer. */
export function headOf(method: string, target: string, headers: readonly string[] = [], version = '1.1'): string {
  const lines = [`${method} ${target} HTTP/${version}`, 'Host: node.test', ...headers, 'Connection: close'];
  return `${lines.join('\r\n')}\r\n\r\n`;
}
