/** Remembers which store this node marked; the daemon keeps it in the catalogue. */
export interface StoreIdentity {
  load(): string | undefined;
  save(id: string): void;
}
