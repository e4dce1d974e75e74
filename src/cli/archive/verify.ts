import type { Command } from 'commander';
import { resolve } from 'node:path';
import { verifyArchive } from '../../archive/archive.ts';
import { printableText } from '../../base/files/paths.ts';
import { formatBytes } from '../../base/sizes.ts';
import { openablePath } from '../exact-arguments.ts';
import { archiveFiles, encodingOption, type EncodingOption, readManifest, withArchive, wireWarnings } from './files.ts';
import {
  conclude,
  type Invocation,
  type JsonOption,
  noteWarnings,
  type Outcome,
  subcommand,
  workersOption,
} from '../command.ts';
import { ProgressBar } from '../terminal/progress.ts';

interface VerifyOptions extends JsonOption, EncodingOption {
  readonly workers: number | 'auto';
}

export function addArchiveVerify(group: Command, invocation: Invocation): void {
  subcommand(group, 'verify', 'Read an archive to its last byte and compare it with its manifest')
    .argument('<file>')
    .addOption(encodingOption())
    .addOption(workersOption())
    .action((file: string, options: VerifyOptions) =>
      conclude(invocation, options, verify(invocation, openablePath(file, 'file'), options)),
    );
}

async function verify(invocation: Invocation, file: string, { workers, encoding }: VerifyOptions): Promise<Outcome> {
  const { terminal, clock, signal } = invocation;
  const files = archiveFiles(resolve(file));
  const bar = new ProgressBar(terminal, clock);
  try {
    const result = await withArchive(files, 'Cannot verify', async (source) => {
      const expected = await readManifest(files.manifest);
      return verifyArchive({
        source: { ...source, encoding },
        expected,
        workers,
        signal,
        onProgress: (progress) => bar.count('verifying', progress),
      });
    });
    bar.end();
    const compared = (await readManifest(files.manifest)) !== undefined;
    const warnings = wireWarnings(result.warnings);
    noteWarnings(terminal, warnings, result.warningCount);
    return {
      json: { file: resolve(file), ...result, warnings, comparedWithManifest: compared },
      text:
        `${printableText(file)} is intact: ${result.files} files, ${formatBytes(result.bytes)}` +
        `${compared ? '' : ' (there is no manifest beside it to compare with)'}\nsha256 ${result.sha256}`,
      warned: warnings.length > 0,
    };
  } finally {
    bar.end();
  }
}
