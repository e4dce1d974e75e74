import type { EntryKind } from './entry.ts';

/** The kinds by their numbers, which stand in indexes and in reuse keys: the order stays. */
export const ENTRY_KINDS: readonly EntryKind[] = ['file', 'directory', 'symlink', 'hardlink'];
