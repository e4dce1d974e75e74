/**
 * What a panel's JSON Web Token has to say to open a socket or a download, for each panel: the checks of its own daemon.
 * Pure. A token is first read (signature, and the type of every claim that counts), then asked for objections, since a
 * socket asks again and again while its token grows old.
 */
import { type BackupId, isUuid, type ServerId } from '../../../base/ids.ts';
import { signedClaims } from '../../json-web-token.ts';
import type { WingsFlavour } from '../flavour.ts';

/** The permission without which a socket tells nothing. */
export const CONNECT = 'websocket.connect';

export type TokenUse = 'socket' | 'download';

/** The claims that count; what a token does not say is undefined. */
export interface PanelToken {
  readonly use: TokenUse;
  readonly issuer: string | undefined;
  readonly id: string | undefined;
  readonly user: string | undefined;
  readonly server: ServerId | undefined;
  readonly backup: BackupId | undefined;
  /** Names one download; '' and undefined name none. */
  readonly uniqueId: string | undefined;
  readonly permissions: readonly string[];
  readonly scopes: readonly string[] | undefined;
  /** These are whole seconds since the epoch. */
  readonly issuedAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly expiresAt: number | undefined;
}

/** Why a genuine token is not taken now; the first that applies, in the order in which the panels' daemons look. */
export type Objection = 'expired' | 'too early' | 'denied' | 'not permitted';

/** What was taken back from tokens that look good. */
export interface Denials {
  /** Whole seconds since the epoch: what was issued earlier is not remembered. */
  readonly startedAt: number;
  isDenied(token: PanelToken, server: ServerId | undefined): boolean;
}

interface Rules {
  readonly scope: 'required' | 'if named';
  /** Whether a download may be older than the daemon's start; a socket may not, with any panel. */
  readonly olderDownloads: boolean;
  /** Claims that its daemon cannot do without: a token that lacks one is none, or (`denied`) is one of nobody. */
  readonly needs: Readonly<Record<TokenUse, readonly (keyof PanelToken)[]>>;
  readonly without: 'malformed' | 'denied';
  /** Whether a time that is still to come is an objection. */
  readonly future: 'ignored' | 'refused';
}

const RULES: Readonly<Record<WingsFlavour, Rules>> = {
  pterodactyl: {
    scope: 'if named',
    olderDownloads: true,
    needs: { socket: ['issuedAt'], download: [] },
    without: 'denied',
    future: 'ignored',
  },
  pelican: {
    scope: 'required',
    olderDownloads: false,
    needs: { socket: ['issuedAt', 'user', 'server'], download: ['issuedAt', 'user', 'server'] },
    without: 'denied',
    future: 'ignored',
  },
  calagopus: {
    scope: 'if named',
    olderDownloads: false,
    needs: {
      socket: ['issuer', 'id', 'issuedAt', 'expiresAt', 'user', 'server'],
      download: ['issuer', 'id', 'issuedAt', 'expiresAt', 'backup', 'uniqueId'],
    },
    without: 'malformed',
    future: 'refused',
  },
};

const SCOPE: Readonly<Record<TokenUse, string>> = { socket: 'websocket', download: 'backup-download' };

/**
 * The claims of a token whose signature holds and whose claims have the right types; undefined for anything else.
 *
 * @param key the bytes of the node's token.
 */
export function readToken(text: string, key: Uint8Array, use: TokenUse, flavour: WingsFlavour): PanelToken | undefined {
  const claims = signedClaims(text, key);
  const token = claims === undefined ? undefined : tokenOf(claims, use);
  if (token === undefined) return undefined;
  const { needs, without } = RULES[flavour];
  return without === 'malformed' && lacks(token, needs[use]) ? undefined : token;
}

/**
 * @param server whose socket or backup it is about to open; undefined while that is not known.
 * @param now milliseconds since the epoch.
 */
export function objectionTo(
  token: PanelToken,
  server: ServerId | undefined,
  now: number,
  denials: Denials,
  flavour: WingsFlavour,
): Objection | undefined {
  const rules = RULES[flavour];
  // Valid up to the very moment that it names. A token that never ends is one that has ended.
  if (token.expiresAt === undefined || now > token.expiresAt * 1000) return 'expired';
  if (rules.future === 'refused' && !begun(token, now)) return 'too early';
  if (isOld(token, denials.startedAt, rules)) return 'denied';
  if (lacks(token, rules.needs[token.use]) || denials.isDenied(token, server)) return 'denied';
  return isPermitted(token, rules) ? undefined : 'not permitted';
}

/** Listed by name, or by `*`, which stands for all that is not an administrator's. */
export function permits({ permissions }: Pick<PanelToken, 'permissions'>, permission: string): boolean {
  return permissions.includes(permission) || (permissions.includes('*') && !permission.startsWith('admin'));
}

function tokenOf(claims: Readonly<Record<string, unknown>>, use: TokenUse): PanelToken | undefined {
  const read = new Reader(claims);
  const scope = read.text('scope');
  const token: PanelToken = {
    use,
    issuer: read.text('iss'),
    id: read.text('jti'),
    user: read.text('user_uuid'),
    server: read.uuid('server_uuid') as ServerId | undefined,
    backup: read.uuid('backup_uuid') as BackupId | undefined,
    uniqueId: read.text('unique_id'),
    permissions: read.texts('permissions') ?? [],
    scopes: scope?.split(' '),
    issuedAt: read.seconds('iat'),
    notBefore: read.seconds('nbf'),
    expiresAt: read.seconds('exp'),
  };
  return read.failed ? undefined : token;
}

/** Reads claims by type. `null` is as good as absent, as in the languages that the panels' daemons are written in. */
class Reader {
  failed = false;
  readonly #claims: Readonly<Record<string, unknown>>;

  constructor(claims: Readonly<Record<string, unknown>>) {
    this.#claims = claims;
  }

  text(name: string): string | undefined {
    return this.#read(name, (value) => typeof value === 'string');
  }

  texts(name: string): readonly string[] | undefined {
    const all = (value: unknown): value is readonly string[] =>
      Array.isArray(value) && value.every((each) => typeof each === 'string');
    return this.#read(name, all);
  }

  uuid(name: string): string | undefined {
    const text = this.text(name)?.toLowerCase();
    // Said to be nothing, as the panels' daemons take an empty text.
    if (text === undefined || text === '') return undefined;
    if (!isUuid(text)) this.failed = true;
    return text;
  }

  /** Fractions are refused everywhere: RFC 7519 allows them, the panels' daemons do not. */
  seconds(name: string): number | undefined {
    const whole = (value: unknown): value is number => Number.isSafeInteger(value);
    return this.#read(name, whole);
  }

  #read<Value>(name: string, fits: (value: unknown) => value is Value): Value | undefined {
    const value = Object.hasOwn(this.#claims, name) ? this.#claims[name] : undefined;
    if (value === undefined || value === null) return undefined;
    if (fits(value)) return value;
    this.failed = true;
    return undefined;
  }
}

function lacks(token: PanelToken, names: readonly (keyof PanelToken)[]): boolean {
  return names.some((name) => token[name] === undefined || (name === 'user' && token.user === ''));
}

function begun({ issuedAt, notBefore }: PanelToken, now: number): boolean {
  const second = Math.floor(now / 1000);
  return (issuedAt ?? 0) <= second && (notBefore ?? 0) <= second;
}

// Whole seconds on both sides: what was issued in the second of the start is newer than it, as far as can be told.
function isOld({ use, issuedAt }: PanelToken, startedAt: number, { olderDownloads }: Rules): boolean {
  if (use === 'download' && olderDownloads) return false;
  return issuedAt === undefined || issuedAt < startedAt;
}

function isPermitted(token: PanelToken, { scope }: Rules): boolean {
  if (token.scopes === undefined ? scope === 'required' : !token.scopes.includes(SCOPE[token.use])) return false;
  return token.use === 'download' || permits(token, CONNECT);
}
