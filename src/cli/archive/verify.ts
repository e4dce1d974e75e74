import type { Command } from 'commander';
import { verifyArchive } from '../../archive/archive.ts';
import { printableText } from '../../base/files/paths.ts';
import { filesText, formatBytes } from '../../base/sizes.ts';
import {
  archiveArgument,
  archiveFiles,
  encodingOption,
  type EncodingOption,
  readManifest,
  withArchive,
  wireWarnings,
} from './files.ts';
import {
  conclude,
  type Invocation,
  type JsonOption,
  noteWarnings,
  type Outcome,
  subcommand,
  workersOption,
} from '../command.ts';
import { PIPE } from './pipes.ts';
import { ProgressBar } from '../terminal/progress.ts';

interface VerifyOptions extends JsonOption, EncodingOption {
  readonly workers: number | 'auto';
}

export function addArchiveVerify(group: Command, invocation: Invocation): void {
  subcommand(group, 'verify', 'Read an archive to its last byte and compare it with its manifest')
    .argument('<file>', 'or - for stdin')
    .addOption(encodingOption())
    .addOption(workersOption())
    .action((file: string, options: VerifyOptions) => conclude(invocation, options, verify(invocation, file, options)));
}

async function verify(invocation: Invocation, named: string, { workers, encoding }: VerifyOptions): Promise<Outcome> {
  const file = archiveArgument(named);
  const { terminal, clock, signal } = invocation;
  const bar = new ProgressBar(terminal, clock);
  try {
    const result = await withArchive(file, 'Cannot verify', signal, async (source) => {
      const expected = await manifestOf(file);
      return verifyArchive({
        source: { ...source, encoding },
        expected,
        workers,
        signal,
        onProgress: (progress) => bar.count('verifying', progress),
      });
    });
    bar.end();
    const compared = (await manifestOf(file)) !== undefined;
    const warnings = wireWarnings(result.warnings);
    noteWarnings(terminal, warnings, result.warningCount);
    return {
      json: { file, ...result, warnings, comparedWithManifest: compared },
      text:
        `${printableText(named)} is intact: ${filesText(result.files)}, ${formatBytes(result.bytes)}` +
        `${compared ? '' : ' (there is no manifest beside it to compare with)'}\nsha256 ${result.sha256}`,
      warned: warnings.length > 0,
    };
  } finally {
    bar.end();
  }
}

/** The manifest beside an archive; undefined when there is none, as for an archive from a pipe. */
async function manifestOf(file: string): ReturnType<typeof readManifest> {
  return file === PIPE ? undefined : readManifest(archiveFiles(file).manifest);
}
