/** Colours with a meaning, for terminals alone: what is good, doubtful or bad. */

export type Tone = 'good' | 'doubtful' | 'bad';

const CODES: Readonly<Record<Tone, number>> = { good: 32, doubtful: 33, bad: 31 };

/** States in tables, and the first words of lines on stderr. */
const TONES: Readonly<Record<string, Tone>> = {
  COMPLETED: 'good',
  done: 'good',
  ok: 'good',
  SUSPECT: 'doubtful',
  suspect: 'doubtful',
  cancelled: 'doubtful',
  late: 'doubtful',
  warning: 'doubtful',
  DAMAGED: 'bad',
  FAILED: 'bad',
  FAULT: 'bad',
  damaged: 'bad',
  failed: 'bad',
  failing: 'bad',
  never: 'bad',
  no_directory: 'bad',
  roost: 'bad',
};

/** The text in the colour of the word; as it is for a word without a meaning. */
export function painted(word: string, text = word): string {
  const tone = TONES[word];
  return tone === undefined ? text : `\u001b[${CODES[tone]}m${text}\u001b[39m`;
}

/**
 * Whether colours may be used: https://no-color.org, and no terminal that knows none.
 *
 * @param env of the process.
 */
export function wantsColour(env: Readonly<Record<string, string | undefined>>): boolean {
  return (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}
