/** A panel's JSON Web Token: its claims, read by type. */
import { type BackupId, isUuid, type ServerId } from '../../../base/ids.ts';

/** The permission that a socket needs to send anything. */
export const CONNECT = 'websocket.connect';

export type TokenUse = 'socket' | 'download' | 'files';

/** The claims that count; undefined when absent. */
export interface PanelToken {
  readonly use: TokenUse;
  readonly issuer: string | undefined;
  readonly id: string | undefined;
  readonly user: string | undefined;
  readonly server: ServerId | undefined;
  readonly backup: BackupId | undefined;
  /** Identifies one download; '' and undefined do not. */
  readonly uniqueId: string | undefined;
  readonly permissions: readonly string[];
  readonly scopes: readonly string[] | undefined;
  /** Times are whole seconds since the epoch. */
  readonly issuedAt: number | undefined;
  readonly notBefore: number | undefined;
  readonly expiresAt: number | undefined;
}

/** Why a genuine token is refused now: the first that applies, in the order of the panels' daemons. */
export type Objection = 'expired' | 'too early' | 'issued too early' | 'denied' | 'not permitted';

/** Listed by name, or by `*`, which covers all but administrators' permissions. */
export function permits({ permissions }: Pick<PanelToken, 'permissions'>, permission: string): boolean {
  return permissions.includes(permission) || (permissions.includes('*') && !permission.startsWith('admin'));
}

/** The claims that count; undefined when one of them has the wrong type. */
export function tokenOf(
  claims: Readonly<Record<string, unknown>>,
  use: TokenUse,
  scopesBetween: ' ' | ',',
): PanelToken | undefined {
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
    scopes: scopesBetween === ',' ? scope?.split(',').map((each) => each.trim()) : scope?.split(' '),
    issuedAt: read.seconds('iat'),
    notBefore: read.seconds('nbf'),
    expiresAt: read.seconds('exp'),
  };
  return read.failed ? undefined : token;
}

/** Reads claims by type. `null` counts as absent, as in the panels' daemons. */
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
    // The panels' daemons take an empty text for none.
    if (text === undefined || text === '') return undefined;
    if (!isUuid(text)) this.failed = true;
    return text;
  }

  /** RFC 7519 allows fractions; the panels' daemons refuse them. */
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
