import { test } from 'vitest';
import { comparePreviews } from '../../support/previewed-restores.ts';

const TREES = Number(process.env['PREVIEW_TREES'] ?? 200);

test(`previews of ${TREES} random trees and modes are what the restores then do`, { timeout: 600_000 }, async () => {
  await comparePreviews(TREES, Number(process.env['PREVIEW_SEED'] ?? 1));
});
