/**
 * Decides whether a finished backup is plausible: what was read, against the last good backup of the server. An empty
 * directory (a disk that is not mounted) or one that could not be read must not take a good backup's place. Pure.
 */
import type { BackupId } from '../base/ids.ts';
import { filesText, formatBytes } from '../base/sizes.ts';

/** Percent; 0 turns a rule off. */
export interface SuspectRules {
  /** More lost files than this share of the last good backup's are suspect; 0 also accepts an empty backup. */
  readonly lostFiles: number;
  /** The same for the uncompressed bytes. */
  readonly lostBytes: number;
  /** More unreadable entries than this share of what was found are suspect. */
  readonly unreadable: number;
}

export interface TreeSize {
  readonly files: number;
  /** Uncompressed. */
  readonly bytes: number;
}

export type Baseline = TreeSize & { readonly id: BackupId };

export type SuspectReason = 'empty' | 'shrunken_files' | 'shrunken_bytes' | 'unreadable';

export interface Suspicion extends TreeSize {
  readonly reason: SuspectReason;
  /** One sentence for people. */
  readonly message: string;
  readonly baseline: Baseline | null;
}

/** Losing fewer bytes than this is not suspect, such as after an edited setting, unless nothing is left. */
const FEW_BYTES = 4096;

/**
 * @param made what the backup holds, and how many entries it could not read.
 * @param baseline the last good backup; null when there is none.
 * @returns null when the backup is plausible.
 */
export function judgePlausibility(
  made: TreeSize & { readonly unreadable: number },
  baseline: Baseline | null,
  rules: SuspectRules,
): Suspicion | null {
  const { files, bytes, unreadable } = made;
  const suspect = (reason: SuspectReason, message: string): Suspicion => {
    return { reason, message, files, bytes, baseline };
  };
  const wasEmpty = baseline !== null && baseline.files === 0;
  if (rules.lostFiles > 0 && files === 0 && !wasEmpty) return suspect('empty', `It holds no files${than(baseline)}`);
  if (rules.unreadable > 0 && exceeds(unreadable, files + unreadable, rules.unreadable)) {
    return suspect('unreadable', `${unreadable} of ${files + unreadable} entries could not be read`);
  }
  if (baseline === null) return null;
  if (rules.lostFiles > 0 && exceeds(baseline.files - files, baseline.files, rules.lostFiles)) {
    return suspect('shrunken_files', `It holds ${filesText(files)}${than(baseline)}`);
  }
  const lost = baseline.bytes - bytes;
  const matters = lost > FEW_BYTES || bytes === 0;
  if (rules.lostBytes > 0 && matters && exceeds(lost, baseline.bytes, rules.lostBytes)) {
    return suspect(
      'shrunken_bytes',
      `Its files have ${formatBytes(bytes)}, those of the last good backup ${formatBytes(baseline.bytes)}`,
    );
  }
  return null;
}

function than(baseline: Baseline | null): string {
  return baseline === null ? '' : `, the last good backup ${baseline.files}`;
}

function exceeds(part: number, whole: number, percent: number): boolean {
  return part > 0 && part * 100 > whole * percent;
}
