import { expect, it } from 'vitest';
import { ARCHIVES, surviveMutations, surviveNoise } from './mutation.ts';

const RUNS = 100;
const OUTCOME = 'is unpacked inside, or refused as damaged or too large, and nothing else happens';

it.each(Object.entries(ARCHIVES))(`a bent %s ${OUTCOME}`, async (_, archive) => {
  await surviveMutations(archive, RUNS, false);
});

it(`a bent tar whose checksums were made right again ${OUTCOME}`, async () => {
  expect(ARCHIVES).toHaveProperty('tar');
  await surviveMutations(ARCHIVES['tar'] ?? Buffer.alloc(0), RUNS, true);
});

it(`noise behind the magic of an archive ${OUTCOME}`, async () => {
  await surviveNoise(RUNS);
});
