import { describe, it } from 'vitest';
import { raceRestores } from '../../support/restore-race.ts';

describe('while another process swaps directories for links', () => {
  it('restores write nothing outside of the server', { timeout: 60_000 }, () => raceRestores(100));
});
