/** A panel's JSON Web Token: its claims, read by type. */
import { type BackupId, isUuid, type ServerId } from '../../../base/ids.ts';

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

/** Listed by name, or by `*`, which stands for all that is not an administrator's. */
export function permits({ permissions }: Pick<PanelToken, 'permissions'>, permission: string): boolean {
  return permissions.includes(permission) || (permissions.includes('*') && !permission.startsWith('admin'));
}

/** The claims that count; undefined when one of them has the wrong type. */
export function tokenOf(claims: Readonly<Record<string, unknown>>, use: TokenUse): PanelToken | undefined {
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
