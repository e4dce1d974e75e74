/** Where the node remembers which store it marked; the catalogue's keys in the daemon. */
export interface StoreIdentity {
  load(): string | undefined;
  save(id: string): void;
}
