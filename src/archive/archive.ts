/**
 * The only way into src/archive: one plain tar.gz, made of segments that inflate independently.
 *
 * For: turning a directory into an archive and back. Promises: an archive is one gzip member with one tar stream that
 * any tar reads; a live directory never makes it malformed, and each path that is not stored as it was has a warning;
 * nothing outside the directory is read or written, whatever links or races its owner makes; memory does not grow with
 * the tree. Never: knows servers, stores, backups or HTTP; deletes anything.
 */
export { writeArchive } from './write/write.ts';
export { extractArchive, listArchive, verifyArchive } from './read/read.ts';
export { openArchive } from './open/open.ts';
export { checkedListing } from './open/listing.ts';
export { selectedTar } from './open/selected-tar.ts';
export { estimateTree } from './walk/estimate.ts';
export { selectedEngine } from './gzip/engine.ts';
export { OperationThreads } from './threads/operation-threads.ts';
export { returnFreedMemory } from './gzip/native-memory.ts';
export { isIndexFile } from './index/format.ts';
export { combineCrc32 } from './gzip/crc32.ts';
export { listSegments, type StoredSegment } from './open/segments.ts';
