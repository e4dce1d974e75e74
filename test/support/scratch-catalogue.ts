import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Catalogue } from '../../src/catalogue/contract.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import { scratchDirectory } from './scratch.ts';
import { StillClock } from './still-clock.ts';

/** A new catalogue that goes when the test ends. */
export async function scratchCatalogue(
  clock: StillClock = new StillClock(),
): Promise<{ readonly catalogue: Catalogue; readonly path: string; readonly clock: StillClock }> {
  const path = join(await scratchDirectory(), 'catalogue.db');
  const catalogue = openCatalogue(path, clock);
  onTestFinished(() => catalogue.close());
  return { catalogue, path, clock };
}
