/** What a tar entry is, and the warnings about one. Shared by the writer, the readers and the index. */

export type EntryKind = 'file' | 'directory' | 'symlink' | 'hardlink';

/** One thing in an archive. Paths and targets are byte strings (see base/files/paths.ts). */
export interface Entry {
  /** Relative to the server's root, without a slash at either end. */
  readonly path: string;
  readonly kind: EntryKind;
  /** Bytes of content; 0 for all but files. */
  readonly size: number;
  /** Permission bits with setuid, setgid and sticky (0 to 0o7777). */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since the Unix epoch; may be negative. */
  readonly mtime: number;
  /** For a symlink its target, verbatim; for a hard link the path of the entry it shares its content with. */
  readonly target?: string;
  /** ACLs and extended attributes of a file or directory, by name in byte order; absent when there are none. */
  readonly attributes?: readonly Attribute[];
  /** Of a file with holes: bytes that it takes on disk when it is unpacked. Known by the index only. */
  readonly allocated?: number;
}

/** An extended attribute as the kernel has it: name and value, both byte strings (`tar/attributes.ts` says which are kept). */
export type Attribute = readonly [name: string, value: string];

/** What became of a path that could not be archived or unpacked as it was. Stable: panels show and count them. */
export type WarningCode =
  /** Archiving: the file was longer when its reading ended than its header says; it was cut there. */
  | 'file_grew'
  /** Archiving: the file ended early; the rest was filled with zeros. */
  | 'file_shrank'
  /** Archiving: changed while the backup ran, so its content may be a mixture of old and new. */
  | 'file_changed'
  /** Archiving: gone before it could be read; not in the archive. */
  | 'file_vanished'
  /** Archiving: cannot be opened or read (the errno is in the message); not in the archive, or zeros from there on. */
  | 'unreadable'
  /** Archiving: a socket, FIFO or device; not in the archive. */
  | 'special_file'
  /** Archiving: a symlink to something that exists outside the directory: the link is in the archive, that is not. */
  | 'link_outside'
  /** ACLs, extended attributes or capabilities that could not be read, kept or set; one warning for each kind. */
  | 'attributes_lost'
  /** Archiving: nested deeper, or named longer, than Roost keeps; not in the archive. */
  | 'too_deep'
  /** Archiving: Roost's own files lie there (backups, catalogue, stages); not in the archive. */
  | 'excluded'
  /** Archiving: the server could not be asked to keep its files still, or to go on afterwards, or started or stopped meanwhile. */
  | 'not_quiesced'
  /** A backup lost more than is plausible against the last good one, or is empty, or could not read much. */
  | 'suspect'
  /** A line of an ignore list that means nothing; it was passed over. */
  | 'ignore_line'
  /** Archiving files alone: directories and links are in the index only, as the manifest has no room for them. */
  | 'manifest_full'
  /** The server's own ignore file could not be used (a link, too long, unreadable); nothing was left out because of it. */
  | 'ignore_file'
  /** Unpacking: setuid or setgid was stripped. */
  | 'setuid_stripped'
  /** Unpacking: an owner, mode or time could not be set. */
  | 'metadata'
  /** Unpacking: a hard link became a copy, because the file system refused the link. */
  | 'link_copied'
  /** Unpacking: an entry that a regular archive does not hold (device, FIFO, unknown type); passed over. */
  | 'unsupported_entry'
  /** Unpacking: an entry whose name or target leads out of the directory, or hides another; passed over. */
  | 'hostile_entry'
  /** Unpacking: the file system cannot hold it (a symlink, its name, its size); passed over. */
  | 'refused_by_file_system'
  /** Unpacking: the file system takes its name for that of another entry (by case, mostly); passed over. */
  | 'name_collision'
  /** Reading: names were absolute, and lost their leading slash. */
  | 'absolute_name'
  /** Reading: names of a zip do not say their encoding, and it was guessed. */
  | 'guessed_encoding'
  /** Reading: a zip has more entries than it says; all were read. */
  | 'entry_count'
  /** Reading: all that the archive holds was passed over. */
  | 'nothing_left'
  /** Restoring: left out, because what is in its place in the server was to stay. */
  | 'kept'
  /** Restoring: a path that was asked for is none of the backup. */
  | 'not_in_backup'
  /** Restoring: the game may have run meanwhile, since nothing here can stop it. */
  | 'not_stopped'
  /** Reading: bytes after the end of the archive, which no tar reads. */
  | 'trailing_data'
  /** Reading: a tar without the blocks of zeros that end one; whole as far as it goes, but it may have been cut. */
  | 'missing_end';

export interface ArchiveWarning {
  /** The byte string of the path it is about; '' for the archive as a whole. */
  readonly path: string;
  readonly code: WarningCode;
  /** One printable sentence with the facts (sizes, errno). */
  readonly message: string;
}

/** Takes a warning: the path, its code, and a printable sentence. */
export type Warn = (path: string, code: WarningCode, message: string) => void;

/**
 * How far a job is. `done` never goes back; totals are estimates that equal `done` at the end. A total of 0 is not known:
 * not yet, or not any more, as more was done than was expected.
 */
export interface ArchiveProgress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly filesDone: number;
  readonly filesTotal: number;
}

/** The kinds by their numbers, which stand in indexes and in reuse keys: the order stays. */
export const ENTRY_KINDS: readonly EntryKind[] = ['file', 'directory', 'symlink', 'hardlink'];
