import { describe, it } from 'vitest';
import { raceRestores } from '../support/restore-race.ts';

describe('while another process swaps directories for links as fast as it can', () => {
  it('a thousand restores write nothing outside of the server', () => raceRestores(1000));
});
