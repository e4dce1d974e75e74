/**
 * How many sessions and links there may be. Pure.
 *
 * One token may stand behind the sessions of many people, each narrower than it. What a session makes is counted apart
 * from what its token makes, and by the first session of the row: one person cannot take the places of others.
 */
import { Failure } from '../../../base/failure.ts';
import type { LinkRecord, SessionRecord, SessionScope } from '../../../catalogue/sessions.ts';

/** That a token opened or made itself, and as many that its sessions made. */
const MOST_OF_TOKEN = 500;
/** That came about by one session. */
const MOST_BY_SESSION = 50;
/** Sessions in a row, each opened by a link of the one before. */
const MOST_IN_A_ROW = 8;

/** @param all the last used first. @returns those that give way to a session that was opened just now. */
export function givingWay(all: readonly SessionRecord[], fresh: SessionRecord): readonly SessionRecord[] {
  const { family, kind } = among(all, fresh);
  return [...(fresh.ancestors.length === 0 ? [] : family.slice(MOST_BY_SESSION)), ...kind.slice(MOST_OF_TOKEN)];
}

/**
 * @param open links that may still be used, of all tokens.
 * @param own whose link is to be made: its token and the sessions before it.
 * @throws Failure `forbidden` for one more session in a row, `server_busy` (429) for too many links.
 */
export function refuseMoreLinks(open: readonly LinkRecord[], own: Pick<SessionScope, 'token' | 'ancestors'>): void {
  if (own.ancestors.length > MOST_IN_A_ROW) {
    throw new Failure('forbidden', 'Cannot make the link: its session came about by too many links in a row', {
      hint: 'Sign in with a token, or with a link that a token made.',
    });
  }
  const { family, kind } = among(open, own);
  const isFull = own.ancestors.length > 0 && family.length >= MOST_BY_SESSION;
  if (!isFull && kind.length < MOST_OF_TOKEN) return;
  const of = isFull ? 'session' : 'token';
  throw new Failure('server_busy', `Cannot make the link: too many links of this ${of} are unused`, {
    facts: { tooMany: true },
  });
}

/** Of the same token those that came about in the same way, and of these the ones by the same session. */
function among<Scope extends SessionScope>(
  all: readonly Scope[],
  { token, ancestors }: Pick<SessionScope, 'token' | 'ancestors'>,
): { readonly family: Scope[]; readonly kind: Scope[] } {
  const kind = all.filter((each) => each.token === token && each.ancestors.length > 0 === ancestors.length > 0);
  return { kind, family: kind.filter((each) => each.ancestors[0] === ancestors[0]) };
}
