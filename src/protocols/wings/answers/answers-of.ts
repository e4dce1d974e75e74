import type { Answers } from './answers.ts';
import type { FlavourFacts } from '../flavour.ts';
import { goAnswers } from './go.ts';
import { rustAnswers } from './rust.ts';

/** The words of a flavour's daemon. */
export function answersOf({ answers }: FlavourFacts): Answers {
  return answers === 'go' ? goAnswers : rustAnswers;
}
