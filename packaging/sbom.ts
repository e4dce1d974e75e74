import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createHash } from 'node:crypto';
import type { Release } from './release.ts';

/** A CycloneDX list of the packages in a build, bundled ones included, dated by the commit. */
export function writeSbom(file: string, root: string, { version, epoch }: Release): void {
  const words = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--omit=dev', '--package-lock-only'];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
  const bom = JSON.parse(execFileSync('npm', words, options)) as Bom;
  bom.metadata.timestamp = new Date(epoch * 1000).toISOString();
  // npm takes it from the name of the directory.
  bom.metadata.component.name = 'roost';
  bom.metadata.component.version = version;
  delete bom.serialNumber;
  const digest = createHash('sha256').update(JSON.stringify(bom)).digest('hex');
  // A UUID of version 8: its bits are the maker's to choose. npm's own is random.
  const variant = ((Number.parseInt(digest.slice(16, 17), 16) & 3) | 8).toString(16);
  const groups = [digest.slice(0, 8), digest.slice(8, 12), `8${digest.slice(13, 16)}`];
  groups.push(`${variant}${digest.slice(17, 20)}`, digest.slice(20, 32));
  bom.serialNumber = `urn:uuid:${groups.join('-')}`;
  fs.writeFileSync(file, `${JSON.stringify(bom, null, 2)}\n`);
}

interface Bom {
  serialNumber?: string;
  readonly metadata: { timestamp: string; readonly component: { name: string; version: string } };
}
