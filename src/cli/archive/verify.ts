import { verifyArchive } from '../../archive/archive.ts';
import { printableText } from '../../base/files/paths.ts';
import { filesText, formatBytes } from '../../base/sizes.ts';
import {
  archiveArgument,
  archiveFiles,
  type EncodingOption,
  readManifest,
  withArchive,
  wireWarnings,
} from './files.ts';
import { type Invocation, type JsonOption, noteWarnings, type Outcome } from '../command.ts';
import { PIPE } from './pipes.ts';
import { ProgressBar } from '../terminal/progress.ts';

export interface VerifyOptions extends JsonOption, EncodingOption {
  readonly workers: number | 'auto';
}

/** Reads an archive to its end. @param named its file, as it was given; may be `-`. */
export async function verify(
  { terminal, clock, signal }: Invocation,
  named: string,
  { workers, encoding }: VerifyOptions,
): Promise<Outcome> {
  const file = archiveArgument(named);
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
