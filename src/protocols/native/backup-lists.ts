/**
 * Whole lists of backups as JSON, made once for all who ask before anything changes. A list of thousands takes tens of
 * milliseconds to make, and dashboards ask for it every few seconds; it is made piece by piece, and one at a time for a
 * server.
 */
import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { ServerId } from '../../base/ids.ts';
import type { BackupService } from '../../jobs/contract.ts';
import { backupObject } from './views.ts';

/** Bytes of all lists that are kept; the one asked for longest ago goes first. */
const MOST_KEPT = 16 * MEBIBYTE;
/** Backups made into text in one go. */
const AT_ONCE = 100;

/** Bytes that are handed to a socket without waiting in line. */
const SENT_AT_ONCE = 256 * 1024;

interface KeptList {
  readonly revision: string;
  /** An ETag with its quotes: the list's own digest. */
  readonly tag: string;
  readonly json: Uint8Array<ArrayBuffer>;
}

type Lists = Pick<BackupService, 'backups' | 'backupsRevision'>;

export class BackupLists {
  readonly #service: Lists;
  /** The one asked for last comes last. */
  readonly #kept = new Map<ServerId, KeptList>();
  #line: Promise<void> = Promise.resolve();
  readonly #making = new Map<ServerId, Promise<KeptList>>();

  constructor(service: Lists) {
    this.#service = service;
  }

  /** The list as it is at some instant between the call and its answer. @throws Failure as `BackupService.backups`. */
  async of(server: ServerId): Promise<Pick<KeptList, 'json' | 'tag'>> {
    // What is being made may have been begun before the last change.
    if (this.#current(server) === undefined) await this.#making.get(server)?.catch(() => undefined);
    const list = await (this.#current(server) ?? this.#making.get(server) ?? this.#make(server));
    if (list.json.byteLength > SENT_AT_ONCE) await this.#inLine();
    return list;
  }

  /** Megabytes to a socket take milliseconds: of all who wait for a long list, one gets it in each turn of the event loop. */
  #inLine(): Promise<void> {
    this.#line = this.#line.then(() => nextTurn());
    return this.#line;
  }

  #current(server: ServerId): KeptList | undefined {
    const kept = this.#kept.get(server);
    if (kept?.revision !== this.#service.backupsRevision(server)) return undefined;
    this.#keep(server, kept);
    return kept;
  }

  #make(server: ServerId): Promise<KeptList> {
    const making = this.#read(server).finally(() => this.#making.delete(server));
    this.#making.set(server, making);
    return making;
  }

  async #read(server: ServerId): Promise<KeptList> {
    const revision = this.#service.backupsRevision(server);
    const backups = await this.#service.backups(server);
    const json = await listText(backups);
    const list = { revision, json, tag: `"${hash('sha256', json)}"` };
    // An empty one is asked for again: the server may be gone.
    if (backups.length > 0) this.#keep(server, list);
    return list;
  }

  #keep(server: ServerId, list: KeptList): void {
    this.#kept.delete(server);
    this.#kept.set(server, list);
    let bytes = 0;
    for (const { json } of this.#kept.values()) bytes += json.byteLength;
    for (const [oldest, { json }] of this.#kept) {
      if (bytes <= MOST_KEPT) return;
      this.#kept.delete(oldest);
      bytes -= json.byteLength;
    }
  }
}

async function listText(backups: Awaited<ReturnType<Lists['backups']>>): Promise<Uint8Array<ArrayBuffer>> {
  const parts: string[] = [];
  for (let at = 0; at < backups.length; at += AT_ONCE) {
    if (at > 0) await nextTurn();
    const part = JSON.stringify(backups.slice(at, at + AT_ONCE).map(backupObject));
    parts.push(part.slice(1, -1));
  }
  return new TextEncoder().encode(`[${parts.join(',')}]`);
}
