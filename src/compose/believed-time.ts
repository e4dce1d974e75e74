/** The clock that is believed, with its memory in the catalogue. */
import { BelievableClock } from '../base/believable-clock.ts';
import { type Clock, isoDate } from '../base/clock.ts';
import type { RootLog } from '../base/log/log.ts';
import type { Catalogue } from '../catalogue/contract.ts';

/** Under `keys`: the last time that was believed, in ms since the epoch, as text. */
const BELIEVED_TIME = 'believed-time';

/** Keeps the last believed time in the catalogue, so that a start with a wrong clock is noticed. */
export function believableClock({ keys }: Catalogue, clock: Clock, log: RootLog): BelievableClock {
  const memory = {
    load: () => (keys.getText(BELIEVED_TIME) === undefined ? undefined : Number(keys.getText(BELIEVED_TIME))),
    save: (time: number) => keys.setText(BELIEVED_TIME, String(time)),
  };
  return new BelievableClock(clock, memory, ({ wall, expected }) =>
    log.warn('The clock has jumped: nothing is deleted by age or count until it has held for an hour', {
      clock: isoDate(wall),
      expected: isoDate(expected),
    }),
  );
}
