/**
 * What a socket says in each kind of daemon: how frames are written, and how it answers a page whose token is missing,
 * bad or too old. Pages compare these texts: Pterodactyl's fetches a new token when it finds `jwt: exp claim is invalid`
 * or `jwt: created too far in past (denylist)` in one, and shows any other until it is reloaded.
 */
import { CONNECT, type Objection, type PanelToken, permits } from '../tokens/panel-token.ts';

export type Frame = readonly [event: string, ...args: readonly string[]];

/** Why nothing can be told to, or taken from, a page. */
export type Problem = 'no token' | Objection | 'other server';

export interface Reaction {
  readonly frames: readonly Frame[];
  /** The socket is closed after them. */
  readonly close?: CloseReason;
}

export interface CloseReason {
  readonly code: number;
  readonly text: string;
}

export interface SocketMessages {
  /** Whether a token of another server is refused when it is presented, or only when it is used. */
  readonly checksServerAtOnce: boolean;
  encode(frame: Frame): string;
  accepted(token: PanelToken): Frame;
  /** What was presented is no token. @param errorId a new one, for people to search the log for. */
  noToken(errorId: string): Reaction;
  /** A genuine token is not taken. */
  refused(token: PanelToken, problem: Problem, errorId: string): Reaction;
  /** The page speaks, and may not. */
  mayNotSend(problem: Problem): Reaction;
  /** Something happened that the page may not be told any more. */
  mayNotReceive(problem: Problem): Reaction;
  /** Its time is over. */
  expired(): Reaction;
  /** What it sent is no frame. */
  unreadable(): Reaction;
  /** What it asked for is not done by this daemon. */
  notServed(errorId: string): Reaction;
}

const NOTHING: Reaction = { frames: [] };

/** RFC 6455 7.4.1: a policy is violated. Pages that are closed so connect again. */
const REFUSED: CloseReason = { code: 1008, text: 'permission denied' };

const PROBLEMS: Readonly<Record<Problem, string>> = {
  'no token': 'jwt: no jwt present',
  expired: 'jwt: exp claim is invalid',
  'too early': 'jwt: iat claim is invalid',
  denied: 'jwt: created too far in past (denylist)',
  'not permitted': 'jwt: missing connect permission',
  'other server': 'jwt: server uuid mismatch',
};

const NOT_SERVED = 'this daemon makes and restores backups only, it does not run the server';

export const goMessages: SocketMessages = {
  checksServerAtOnce: false,
  // `args` is left out when there is nothing in it.
  encode: ([event, ...args]) => JSON.stringify(args.length === 0 ? { event } : { event, args }),
  accepted: () => ['auth success'],
  noToken: (errorId) => ({
    frames: [['daemon error', wrapped('an unexpected error was encountered while handling this request', errorId)]],
  }),
  refused: (_, problem, errorId) => ({ frames: [['jwt error', wrapped(PROBLEMS[problem], errorId)]] }),
  mayNotSend: (problem) => ({ frames: [['jwt error', PROBLEMS[problem]]] }),
  mayNotReceive: (problem) => ({ frames: [['jwt error', PROBLEMS[problem]]] }),
  // Those daemons mean to say the first and come to say the second. Pelican's page listens to the first alone,
  // Pterodactyl's to both.
  expired: () => ({ frames: [['token expired'], ['jwt error', PROBLEMS.expired]] }),
  unreadable: () => NOTHING,
  notServed: (errorId) => ({ frames: [['daemon error', wrapped(NOT_SERVED, errorId)]] }),
};

export const rustMessages: SocketMessages = {
  checksServerAtOnce: true,
  encode: ([event, ...args]) => JSON.stringify({ event, args }),
  accepted: ({ permissions }) => ['auth success', ...permissions],
  noToken: () => ({ frames: [], close: REFUSED }),
  refused: (token) =>
    permits(token, CONNECT)
      ? { frames: [['token expired'], ['jwt error', 'JWT expired']] }
      : { frames: [], close: REFUSED },
  mayNotSend: () => ({ frames: [], close: REFUSED }),
  mayNotReceive: () => NOTHING,
  expired: () => ({ frames: [['token expired']] }),
  unreadable: () => ({ frames: [['jwt error', 'the frame is not valid JSON of the form {"event","args"}']] }),
  notServed: () => ({ frames: [['daemon message', NOT_SERVED]] }),
};

function wrapped(text: string, errorId: string): string {
  return `Error Event [${errorId}]: ${text}`;
}
