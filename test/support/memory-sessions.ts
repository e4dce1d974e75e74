/** A session table that is gone with its test. */
import type { LinkRecord, SessionRecord, SessionTable } from '../../src/catalogue/sessions.ts';

export class MemorySessions implements SessionTable {
  readonly sessions = new Map<string, SessionRecord>();
  readonly made = new Map<string, LinkRecord>();

  insert(session: SessionRecord): void {
    this.sessions.set(session.id, session);
  }

  bySecret(secretHash: string): SessionRecord | undefined {
    return [...this.sessions.values()].find((session) => session.secretHash === secretHash);
  }

  find(id: string): SessionRecord | undefined {
    return this.sessions.get(id);
  }

  list(): SessionRecord[] {
    return [...this.sessions.values()].toReversed().sort((one, other) => other.lastUsedAt - one.lastUsedAt);
  }

  touch(id: string, use: Pick<SessionRecord, 'address' | 'lastUsedAt' | 'expiresAt'>): void {
    const known = this.sessions.get(id);
    if (known !== undefined) this.sessions.set(id, { ...known, ...use });
  }

  delete(id: string): void {
    this.sessions.delete(id);
  }

  insertLink(link: LinkRecord): void {
    this.made.set(link.id, link);
  }

  byCode(codeHash: string): LinkRecord | undefined {
    return [...this.made.values()].find((link) => link.codeHash === codeHash);
  }

  useLink(id: string, usedAt: number): boolean {
    const known = this.made.get(id);
    if (known === undefined || known.usedAt !== null) return false;
    this.made.set(id, { ...known, usedAt });
    return true;
  }

  links(): LinkRecord[] {
    return [...this.made.values()].toReversed();
  }

  deleteLink(id: string): void {
    this.made.delete(id);
  }
}
