/** Checks the free space of a store. */
import { fault, fine, type Finding, warning } from '../../base/finding.ts';
import { formatBytes } from '../../base/sizes.ts';

/** With fewer free inodes, archives may fail although their bytes fit. */
const FEW_INODES = 1000;

/**
 * @param free bytes.
 * @param inodes free ones; null where the file system does not count them.
 * @param reserve bytes that are to stay free.
 */
export function checkSpace(name: string, free: number, inodes: number | null, reserve: number): Finding[] {
  const space = `The store "${name}" has ${formatBytes(free)} free`;
  const findings: Finding[] = [];
  const mend = 'Delete old backups, set retention, or enlarge that disk; limits.reserve_free is what stays free.';
  if (free <= reserve) findings.push(fault('space', `${space}, not more than its reserve: backups are refused`, mend));
  else if (free < reserve * 2) findings.push(warning('space', `${space}, less than twice its reserve`, mend));
  if (inodes !== null && inodes < FEW_INODES) {
    const hint = 'Remove unneeded files from that disk.';
    findings.push(fault('space', `The disk of the store "${name}" has ${inodes} inodes left`, hint));
  }
  return findings.length > 0 ? findings : [fine('store', space)];
}
