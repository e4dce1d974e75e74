/** Bounds looks (listings, files, estimates) by caller and in all: each may hold a descriptor, memory and a place in line. */
import type { MiddlewareHandler } from 'hono';
import { Failure } from '../base/failure.ts';
import type { AppEnv } from './dialect.ts';
import { Slots } from './slots.ts';

const MOST_PER_CALLER = 64;
const MOST_IN_ALL = 256;

/** One for all routes of a dialect. A slot is held until the answer is ready; 429 beyond. */
export function lookSlots(perCaller = MOST_PER_CALLER, inAll = MOST_IN_ALL): MiddlewareHandler<AppEnv> {
  const slots = new Slots(inAll);
  return async function boundLooks(c, next) {
    const release = slots.take(c.get('caller')?.id ?? '', perCaller);
    if (release === undefined) {
      throw new Failure('server_busy', 'Cannot look now: too many looks into backups are under way', {
        facts: { tooMany: true },
        hint: 'Wait for the answers to the earlier requests.',
        retry: true,
      });
    }
    try {
      await next();
    } finally {
      release();
    }
  };
}
