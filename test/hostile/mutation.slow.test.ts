import { it } from 'vitest';
import { ARCHIVES, surviveMutations, surviveNoise } from './mutation.ts';

const RUNS = 2500;

it.each(Object.entries(ARCHIVES))('thousands of bent %s are unpacked inside, or refused', async (_, archive) => {
  await surviveMutations(archive, RUNS, false);
});

it('thousands of bent tars with right checksums are unpacked inside, or refused', async () => {
  await surviveMutations(ARCHIVES['tar'] ?? Buffer.alloc(0), RUNS, true);
});

it('thousands of pieces of noise are refused', async () => {
  await surviveNoise(RUNS);
});
