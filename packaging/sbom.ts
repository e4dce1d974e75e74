import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Release } from './release.ts';
import { pageImports } from './page-imports.ts';

/** How npm marks what a build alone needs. */
const DEVELOPMENT = 'cdx:npm:package:development';

/** A CycloneDX list of the packages in a build, dated by the commit: what it brings, has bundled, and has taken over as files. */
export function writeSbom(file: string, root: string, { version, epoch }: Release): void {
  const words = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const;
  const bom = shipped(JSON.parse(execFileSync('npm', words, options)) as Bom, pageImports(join(root, 'web/page')));
  bom.components.push(...vendored(root));
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

interface Component {
  readonly 'bom-ref': string;
  readonly type: string;
  readonly name: string;
  readonly version: string;
  scope?: string;
  properties?: readonly { readonly name: string }[];
  readonly purl?: string;
  readonly licenses?: readonly unknown[];
}

interface Bom {
  serialNumber?: string;
  readonly metadata: { timestamp: string; readonly component: { name: string; version: string } };
  readonly components: Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/** Without what only a build needs. What the page is made of is named so in package.json, too, and is in it all the same. */
function shipped(bom: Bom, bundled: ReadonlySet<string>): Bom {
  const needs = new Map(bom.dependencies.map(({ ref, dependsOn }) => [ref, dependsOn]));
  const kept = new Set(bom.components.filter((each) => !isDevelopment(each)).map((each) => each['bom-ref']));
  const add = (ref: string): void => {
    if (kept.has(ref)) return;
    kept.add(ref);
    for (const needed of needs.get(ref) ?? []) add(needed);
  };
  for (const each of bom.components) if (bundled.has(each.name)) add(each['bom-ref']);
  const components = bom.components.filter((each) => kept.has(each['bom-ref']));
  for (const each of components) {
    if (!isDevelopment(each)) continue;
    delete each.scope;
    each.properties = each.properties?.filter(({ name }) => name !== DEVELOPMENT) ?? [];
  }
  const dependencies = bom.dependencies
    .filter(({ ref }, index) => index === 0 || kept.has(ref))
    .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((needed) => kept.has(needed)) }));
  return { ...bom, components, dependencies };
}

function isDevelopment({ properties }: Component): boolean {
  return properties?.some(({ name }) => name === DEVELOPMENT) ?? false;
}

/** What is served as it came from a package: the rows of web/vendor/README.md. */
function vendored(root: string): Component[] {
  const text = fs.readFileSync(join(root, 'web/vendor/README.md'), 'utf8');
  const rows = [...text.matchAll(/^\| [\w-]+ +\| .*npm package ([\w@/-]+) +\| ([\d.]+) +\| ([\w.-]+) +\|$/gm)];
  return rows.map(([, name = '', version = '', id = '']) => ({
    'bom-ref': `${name}@${version}`,
    type: 'library',
    name,
    version,
    purl: `pkg:npm/${name}@${version}`,
    licenses: [{ license: { id } }],
  }));
}
