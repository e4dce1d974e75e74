/**
 * Turns errors of S3 services into Failures that say what to change, and where in the config. The service's code and
 * message are shown; requests, headers and credentials never are. The SDK's errors contain them, so they are not kept
 * as causes.
 */
import { errnoOf, Failure, reasonOf } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';

/** What messages may name: nothing secret. */
export interface S3Location {
  readonly store: string;
  readonly bucket: string;
  readonly region: string;
  /** Host and port. */
  readonly host: string;
}

/** What an error of the SDK, a socket or a resolver says. */
export interface S3Fault {
  /** The service's code (`NoSuchBucket`) or the system's (`ECONNREFUSED`); '' when there is none. */
  readonly code: string;
  /** The HTTP status; undefined without a response. */
  readonly status: number | undefined;
  readonly message: string;
}

const MAX_MESSAGE = 300;

/** Code, HTTP status and a short message of whatever the S3 client threw. */
export function faultOf(error: unknown): S3Fault {
  if (!(error instanceof Error)) return { code: '', status: undefined, message: shorten(String(error)) };
  const { $metadata: metadata, Code: alias } = error as { $metadata?: { httpStatusCode?: number }; Code?: unknown };
  const system: unknown = (error as NodeJS.ErrnoException).code;
  const named = error.name === 'Error' || error.name === 'TypeError' ? '' : error.name;
  // A DOMException's code is a number.
  const code = typeof alias === 'string' ? alias : typeof system === 'string' ? system : named;
  return { code, status: metadata?.httpStatusCode, message: shorten(reasonOf(error)) };
}

/** The service's code from which an S3 Failure was made. */
export function serviceCode(failure: unknown): string | undefined {
  const code = failure instanceof Failure ? failure.facts['code'] : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** An error with a system's code, so that it counts as transient. */
export function connectionError(message: string, code: 'ECONNRESET' | 'ETIMEDOUT' | 'IncompleteBody'): Error {
  return Object.assign(new Error(message), { code });
}

const TRANSIENT_STATUS = new Set([408, 425, 429, 500, 502, 503, 504]);
/**
 * Transient although the status says otherwise or is missing. A wrong digest is most likely a transmission error, and
 * on `RequestTimeTooSkewed` the SDK corrects its clock, so the next attempt is signed with the service's time.
 */
const TRANSIENT_CODES = new Set([
  'BadDigest',
  'ConnectTimeoutError',
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'ERR_STREAM_PREMATURE_CLOSE',
  'IncompleteBody',
  'InternalError',
  'OperationAborted',
  'RequestTimeTooSkewed',
  'RequestTimeout',
  'SlowDown',
  'Throttling',
  'TimeoutError',
  'XAmzContentSHA256Mismatch',
]);

/** True when the same request may succeed later. */
export function isTransient(error: unknown): boolean {
  if (error instanceof Failure) return error.retry;
  const { code, status, message } = faultOf(error);
  if (TRANSIENT_CODES.has(code)) return true;
  if (status !== undefined) return TRANSIENT_STATUS.has(status);
  return /socket hang up|aborted|premature close/i.test(message);
}

/** @param doing the start of the sentence, such as "Cannot store the archive". */
export function explainS3Error(error: unknown, doing: string, place: S3Location): Failure {
  if (error instanceof Failure) return error;
  const fault = faultOf(error);
  if (fault.code === 'AbortError' || (error instanceof Error && error.name === 'AbortError')) {
    return new Failure('cancelled', `${doing}: it was cancelled`);
  }
  const { state, hint, code = 'store_unreachable' } = sharpen(fault, place);
  return new Failure(code, `${doing}: ${state}`, {
    facts: {
      store: place.store,
      bucket: place.bucket,
      host: place.host,
      code: fault.code,
      status: fault.status ?? null,
      errno: errnoOf(error),
    },
    hint,
    retry: isTransient(error),
  });
}

interface Sharp {
  readonly state: string;
  readonly hint: string;
  readonly code?: 'insufficient_storage' | 'archive_damaged' | 'too_large';
}

type Rule = (place: S3Location, fault: S3Fault) => Sharp;

const wrongKeys: Rule = ({ host, store }, fault) => ({
  state: `${host} does not accept the credentials (${answerText(fault)})`,
  hint: `Check access_key_id and secret_access_key of storage.stores.${store}: a wrong, expired or cut-off key.`,
});

const wrongRegion: Rule = ({ region, store, bucket }, fault) => ({
  state: `the bucket ${bucket} is not in the region ${region} (${answerText(fault)})`,
  hint: `Set region (and the endpoint of that region) of storage.stores.${store} to where the bucket lies.`,
});

const clockSkew: Rule = ({ host }, fault) => ({
  state: `this host's clock is too far from that of ${host} (${answerText(fault)})`,
  hint: 'Set the clock: timedatectl set-ntp true.',
});

const missingBucket: Rule = ({ bucket, host, store }, fault) => ({
  state: `there is no bucket ${bucket} at ${host} (${answerText(fault)})`,
  hint: `Create the bucket, or correct bucket, endpoint or path_style of storage.stores.${store}.`,
});

const forbidden: Rule = ({ bucket, host, store }, fault) => ({
  state: `${host} does not allow it in the bucket ${bucket} (${answerText(fault)})`,
  hint: `The key of storage.stores.${store} needs to read, write, list and delete objects, and to list and abort multipart uploads.`,
});

const full: Rule = ({ host }, fault) => ({
  state: `${host} has no room or quota left (${answerText(fault)})`,
  hint: 'Raise the quota or the cap of the bucket, or delete backups.',
  code: 'insufficient_storage',
});

const tls: Rule = ({ host, store }, fault) => ({
  state: `the TLS connection to ${host} cannot be trusted (${answerText(fault)})`,
  hint: `Put the authority that signed its certificate into ca_file of storage.stores.${store}; check the host name, and the clock.`,
});

const unknownHost: Rule = ({ host, store }, fault) => ({
  state: `the name ${host} cannot be resolved (${fault.code})`,
  hint: `Check the endpoint of storage.stores.${store} and this host's DNS.`,
});

const noAnswer: Rule = ({ host }, fault) => ({
  state: `${host} does not answer (${fault.code === '' ? fault.message : fault.code})`,
  hint: 'Check that the service runs, and that no firewall is between.',
});

const noCredentials: Rule = ({ store }, fault) => ({
  state: `no credentials were found (${answerText(fault)})`,
  hint: `Set access_key_id and secret_access_key of storage.stores.${store}, or give this host a role.`,
});

const archived: Rule = (_, fault) => ({
  state: `the object is in a storage class that cannot be read at once (${answerText(fault)})`,
  hint: 'Restore the object in the bucket first; use a storage_class with immediate access.',
});

const locked: Rule = ({ bucket }, fault) => ({
  state: `an object lock of the bucket ${bucket} keeps the object (${answerText(fault)})`,
  hint: 'Wait until its retention has ended, or lift its legal hold.',
});

const tooLarge: Rule = (_, fault) => ({
  state: `the service takes no object of this size (${answerText(fault)})`,
  hint: 'Lower limits.max_size, or raise part_size of the store.',
  code: 'too_large',
});

const BY_CODE: Readonly<Record<string, Rule>> = {
  InvalidAccessKeyId: wrongKeys,
  SignatureDoesNotMatch: wrongKeys,
  ExpiredToken: wrongKeys,
  InvalidToken: wrongKeys,
  Unauthorized: wrongKeys,
  AuthorizationHeaderMalformed: wrongRegion,
  PermanentRedirect: wrongRegion,
  TemporaryRedirect: wrongRegion,
  IllegalLocationConstraintException: wrongRegion,
  RequestTimeTooSkewed: clockSkew,
  NoSuchBucket: missingBucket,
  InvalidBucketName: missingBucket,
  AccessDenied: forbidden,
  AllAccessDisabled: forbidden,
  QuotaExceeded: full,
  InsufficientStorage: full,
  XMinioStorageFull: full,
  XMinioAdminBucketQuotaExceeded: full,
  EntityTooLarge: tooLarge,
  InvalidObjectState: archived,
  ObjectLocked: locked,
  ENOTFOUND: unknownHost,
  EAI_AGAIN: unknownHost,
  CredentialsProviderError: noCredentials,
};

function sharpen(fault: S3Fault, place: S3Location): Sharp {
  return ruleOf(fault)(place, fault);
}

/** Codes of OpenSSL and Node for a wrong chain, name or date, and for a peer without TLS. */
const TLS_CODE = /^(ERR_TLS_|ERR_SSL_|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|EPROTO$|HOSTNAME_MISMATCH)/;

function ruleOf(fault: S3Fault): Rule {
  // Services report a cap (B2) and a lock (AWS) with the code of a missing permission.
  if (fault.code === 'AccessDenied' && /\bcap exceeded|quota/i.test(fault.message)) return full;
  if (fault.code === 'AccessDenied' && /object lock|WORM|legal hold|retention/i.test(fault.message)) return locked;
  if (fault.code === 'AccessDenied' && /expired/i.test(fault.message)) return clockSkew;
  const known = Object.hasOwn(BY_CODE, fault.code) ? BY_CODE[fault.code] : undefined;
  if (known !== undefined) return known;
  if (TLS_CODE.test(fault.code)) return tls;
  if (fault.status === undefined) return noAnswer;
  if (fault.status === 301 || fault.status === 307) return wrongRegion;
  if (fault.status === 401) return wrongKeys;
  if (fault.status === 403) return forbidden;
  if (fault.status === 507) return full;
  return ({ host }) => ({
    state: `${host} answered ${fault.status}${fault.code === '' ? '' : ` ${fault.code}`}: ${fault.message}`,
    hint: 'The answer is the service’s own; its documentation says what the code means.',
  });
}

function answerText({ code, message, status }: S3Fault): string {
  if (code === '') return message;
  // A response without a body (HEAD) has only its status.
  const bare = message === '' || message === 'UnknownError' || message === code;
  return bare ? `${code}${status === undefined ? '' : `, ${status}`}` : `${code}: ${message}`;
}

function shorten(message: string): string {
  return printableText(message.slice(0, MAX_MESSAGE));
}
