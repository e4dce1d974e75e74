/**
 * The messages of each kind of daemon: the form of frames, and the answers to a missing, bad or old token. Pages
 * compare the texts: Pterodactyl's fetches a new token on `jwt: exp claim is invalid` or `jwt: created too far in past
 * (denylist)`, and shows any other until it is reloaded.
 */
import { CONNECT, type Objection, type PanelToken, permits } from '../tokens/panel-token.ts';
import type { Frame, Message } from './frames.ts';

/** Why a page may neither send nor receive. */
export type Problem = 'no token' | Objection | 'other server';

export interface Reaction {
  readonly frames: readonly Frame[];
  readonly close?: CloseReason;
}

export interface CloseReason {
  readonly code: number;
  readonly text: string;
}

/** The game's state, and its usage as JSON. */
export interface GameState {
  readonly state: string;
  readonly stats: string;
}

export interface SocketMessages {
  /** A token of another server is refused when presented. Otherwise when it is used. */
  readonly checksServerAtOnce: boolean;
  encode(frame: Frame): string;
  accepted(token: PanelToken): Frame;
  /** The token is unreadable. @param errorId a new id, to search the log for. */
  noToken(errorId: string): Reaction;
  /** A genuine token is refused. */
  refused(token: PanelToken, problem: Problem, errorId: string): Reaction;
  mayNotSend(problem: Problem): Reaction;
  mayNotReceive(problem: Problem): Reaction;
  expired(): Reaction;
  /** The frames that a page with a valid token asked for; undefined when it asked for something else. */
  replies(message: Message, game: GameState): readonly Frame[] | undefined;
  /** The page asked for something that Roost does not do. */
  notServed(errorId: string): Reaction;
}

const NOTHING: Reaction = { frames: [] };

/** RFC 6455 7.4.1, policy violation: pages connect again. */
const REFUSED: CloseReason = { code: 1008, text: 'permission denied' };

const PROBLEMS: Readonly<Record<Problem, string>> = {
  'no token': 'jwt: no jwt present',
  expired: 'jwt: exp claim is invalid',
  'too early': 'jwt: iat claim is invalid',
  'issued too early': 'jwt: iat claim is invalid',
  denied: 'jwt: created too far in past (denylist)',
  'not permitted': 'jwt: missing connect permission',
  'other server': 'jwt: server uuid mismatch',
};

/** Source: calagopus/wings src/remote/jwt.rs after 1.1. */
export const rustProblems: Readonly<Record<Problem, string>> = {
  'no token': 'invalid token',
  expired: 'invalid token: token is expired',
  'too early': 'invalid token: token is not yet valid',
  'issued too early': 'invalid token: token has invalid issued at time',
  denied: 'invalid token: token has been denied',
  'not permitted': 'invalid token',
  'other server': 'invalid token',
};

const PENDING_RESTART: Frame = ['pending restart', 'false'];

const NOT_SERVED = 'this daemon makes and restores backups only, it does not run the server';

export const goMessages: SocketMessages = {
  checksServerAtOnce: false,
  encode: ([event, ...args]) => JSON.stringify(args.length === 0 ? { event } : { event, args }),
  accepted: () => ['auth success'],
  noToken: (errorId) => ({
    frames: [['daemon error', wrapped('an unexpected error was encountered while handling this request', errorId)]],
  }),
  refused: (_, problem, errorId) => ({ frames: [['jwt error', wrapped(PROBLEMS[problem], errorId)]] }),
  mayNotSend: (problem) => ({ frames: [['jwt error', PROBLEMS[problem]]] }),
  mayNotReceive: (problem) => ({ frames: [['jwt error', PROBLEMS[problem]]] }),
  // Those daemons have both; Pelican's page listens to the first only, Pterodactyl's to both.
  expired: () => ({ frames: [['token expired'], ['jwt error', PROBLEMS.expired]] }),
  replies: ({ event }, { stats }) => (event === 'send stats' ? [['stats', stats]] : undefined),
  notServed: (errorId) => ({ frames: [['daemon error', wrapped(NOT_SERVED, errorId)]] }),
};

export const rustMessages: SocketMessages = {
  checksServerAtOnce: true,
  encode: ([event, ...args]) => JSON.stringify({ event, args }),
  accepted: ({ permissions }) => ['auth success', ...permissions],
  noToken: () => ({ frames: [], close: REFUSED }),
  refused: (token, problem) =>
    permits(token, CONNECT)
      ? { frames: [['token expired'], ['jwt error', rustProblems[problem]]] }
      : { frames: [], close: REFUSED },
  mayNotSend: () => ({ frames: [], close: REFUSED }),
  mayNotReceive: () => NOTHING,
  expired: () => ({ frames: [['token expired']] }),
  replies({ event, args }, { state, stats }) {
    if (event === 'ping') return [['pong', ...args]];
    if (event === 'send status') return [['status', state]];
    // Roost does not run the game, so no change of it waits for a restart.
    if (event === 'send stats') return [['stats', stats], PENDING_RESTART];
    return undefined;
  },
  notServed: () => ({ frames: [['daemon message', NOT_SERVED]] }),
};

function wrapped(text: string, errorId: string): string {
  return `Error Event [${errorId}]: ${text}`;
}
