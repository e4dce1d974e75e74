/** What the comparing thread is asked, and what it answers. Plain data. */
import type { SourceHandle } from '../../archive/read/source-port.ts';
import type { RestoreRequest } from '../restore/request.ts';
import type { Facts } from './tree.ts';
import type { Found } from './rows.ts';

/** An archive that the thread opens by handles of the caller's sources. */
export interface ArchiveHandles {
  readonly archive: SourceHandle;
  readonly index?: SourceHandle;
  /** Without an index: a listing. */
  readonly listing?: SourceHandle;
  readonly aside?: Uint8Array;
}

export type CompareTask =
  | {
      readonly kind: 'preview';
      readonly request: RestoreRequest;
      /** Of the server's directory; undefined when it is missing. */
      readonly live: string | undefined;
      readonly fixed: readonly string[];
      readonly ignore: readonly string[];
    }
  | { readonly kind: 'backups' }
  | {
      readonly kind: 'live';
      readonly live: string | undefined;
      readonly fixed: readonly string[];
      readonly ignore: readonly string[];
    }
  | { readonly kind: 'find'; readonly query: string; readonly after: string | undefined; readonly most: number }
  | { readonly kind: 'totals'; readonly path: string };

export interface FoundName extends Facts {
  /** A byte string. */
  readonly path: string;
}

export interface CompareResults {
  readonly preview: Found & { readonly missing: readonly string[] };
  readonly backups: Found;
  readonly live: Found;
  /** Of each archive, in its order. */
  readonly find: readonly { readonly names: readonly FoundName[]; readonly more: boolean }[];
  /** Of each directory in one level: name (a byte string), files and bytes below it. */
  readonly totals: readonly (readonly [name: string, files: number, bytes: number])[];
}

export interface CompareData {
  readonly task: CompareTask;
  readonly archives: readonly ArchiveHandles[];
  readonly control: SharedArrayBuffer;
}
