import type { Answers } from './answers.ts';
import type { FlavourFacts } from './flavour.ts';
import { goAnswers } from './go-answers.ts';
import { rustAnswers } from './rust-answers.ts';

/** The words of a flavour's daemon. */
export function answersOf({ answers }: FlavourFacts): Answers {
  return answers === 'go' ? goAnswers : rustAnswers;
}
