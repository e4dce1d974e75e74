/** A table of ranges of files that make up some bytes. */

/**
 * Where the bytes lie: part `i` reaches from `ends[i - 1]` (0 for the first) to `ends[i]` of the whole, and begins at
 * `start[i]` of the file `file[i]`. Columns over shared memory, so that threads get them without a copy.
 */
export interface FileParts {
  readonly ends: Float64Array;
  readonly file: Uint32Array;
  readonly start: Float64Array;
}

/** The same, with each file open. */
export interface OpenFileParts extends FileParts {
  readonly descriptors: readonly number[];
}

/** The same, as paths of files that are not open yet. */
export interface PathParts extends FileParts {
  readonly paths: readonly string[];
}
