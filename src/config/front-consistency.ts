/** Checks that `front` fits the other sections. Reads the raw file content, which may have any shape. */
import { BlockList, isIP } from 'node:net';
import type { Finding } from './issues.ts';
import { at, textAt } from './raw-content.ts';

const FLAVOURS = ['pterodactyl', 'pelican', 'calagopus'];

export function checkFront(content: unknown): Finding[] {
  if (at(content, ['front']) === undefined || at(content, ['front']) === null) return [];
  return [...flavour(content), ...ownsReset(content), ...whereWingsIs(content), ...ports(content)];
}

function flavour(content: unknown): Finding[] {
  if (FLAVOURS.includes(textAt(content, ['panel', 'flavour']) ?? 'none')) return [];
  const problem = 'needs the panel whose Wings it stands before';
  return [{ path: ['front'], problem, hint: `Set panel.flavour: ${FLAVOURS.join(', ')}.` }];
}

function ownsReset(content: unknown): Finding[] {
  if (at(content, ['panel', 'owns_reset']) !== true) return [];
  const problem = 'cannot be true with a front: Wings resets at each of its starts';
  return [{ path: ['panel', 'owns_reset'], problem, hint: 'Leave it out.' }];
}

/** Requires a loopback address: requests are passed with their credentials, which could be read on a network. */
function whereWingsIs(content: unknown): Finding[] {
  const written = textAt(content, ['front', 'wings']);
  const url = written === undefined ? null : URL.parse(written);
  if (url === null || at(content, ['front', 'remote_wings']) === true || isLoopback(url.hostname)) return [];
  const problem = 'must be a loopback address, such as http://127.0.0.1:18080';
  const hint = 'Set front.remote_wings: true if Wings really is on another host, and nothing in between reads along.';
  return [{ path: ['front', 'wings'], problem, hint }];
}

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8, 'ipv4');
LOOPBACK.addAddress('::1', 'ipv6');

/** Literals alone: what a name stands for is not this host's to say. */
function isLoopback(hostname: string): boolean {
  const address = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(address);
  return family !== 0 && LOOPBACK.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

function ports(content: unknown): Finding[] {
  const listen = portAt(content, ['front', 'listen', 'port'], 8080);
  const written = textAt(content, ['front', 'wings']);
  const url = written === undefined ? null : URL.parse(written);
  const wings = url === null ? undefined : url.port === '' ? 80 : Number(url.port);
  const found: Finding[] = [];
  if (listen !== 0 && listen === portAt(content, ['api', 'port'], 8090)) {
    found.push({ path: ['front', 'listen', 'port'], problem: 'is the port of api too', hint: 'Give each its own.' });
  }
  if (wings !== undefined && wings === listen && at(content, ['front', 'remote_wings']) !== true) {
    const hint = 'Move Wings: api.port of its configuration, such as 18080.';
    found.push({ path: ['front', 'wings'], problem: 'has the port that front.listen takes', hint });
  }
  return found;
}

function portAt(content: unknown, path: readonly string[], usual: number): number {
  const port = at(content, path);
  return typeof port === 'number' ? port : usual;
}
