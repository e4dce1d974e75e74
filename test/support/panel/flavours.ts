/**
 * What the three panels do differently, as their own code does it: pterodactyl/panel 706db62c and pelican-dev/panel 235c8fb9,
 * app/Http/Controllers/Api/Remote/Backups and app/Http/Middleware/Api/Daemon; calagopus/panel 76dfc96.
 */
export type PanelFlavour = 'pterodactyl' | 'pelican' | 'calagopus';

/** What a request is refused with; `detail` is shown in the panel's own envelope. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface FlavourRules {
  /** The answer to a report that was taken. */
  readonly taken: { readonly status: number; readonly body: string };
  /** Bytes of one part of an upload. */
  readonly partSize: number;
  readonly noCredential: Refusal;
  readonly malformedCredential: Refusal;
  readonly unknownTokenId: Refusal;
  readonly wrongToken: Refusal;
  readonly unknownBackup: Refusal;
  readonly otherNode: Refusal;
  /** Of a report about a restore. */
  readonly restoreOfOtherNode: Refusal | null;
  /** A backup that is successful takes no second report; null where it does. */
  readonly completed: Refusal | null;
  /** Part URLs for a backup that is no upload. */
  readonly notUploaded: Refusal;
  /** A restore's report while no restore is known to run; null where it is taken and changes nothing. */
  readonly notRestoring: Refusal | null;
  readonly envelope: (refusal: Refusal) => string;
}

const BEARER = { 'WWW-Authenticate': 'Bearer' };

function laravel({ code, status, detail }: Refusal): string {
  return JSON.stringify({ errors: [{ code, status: String(status), detail }] });
}

const PTERODACTYL: FlavourRules = {
  taken: { status: 204, body: '' },
  partSize: 5 * 1024 ** 3,
  noCredential: {
    status: 401,
    code: 'HttpException',
    detail: 'Access to this endpoint must include an Authorization header.',
    headers: BEARER,
  },
  malformedCredential: {
    status: 400,
    code: 'BadRequestHttpException',
    detail: 'The Authorization header provided was not in a valid format.',
  },
  unknownTokenId: {
    status: 403,
    code: 'AccessDeniedHttpException',
    detail: 'You are not authorized to access this resource.',
  },
  wrongToken: {
    status: 403,
    code: 'AccessDeniedHttpException',
    detail: 'You are not authorized to access this resource.',
  },
  unknownBackup: {
    status: 404,
    code: 'NotFoundHttpException',
    detail: 'The requested resource could not be found on the server.',
  },
  otherNode: {
    status: 403,
    code: 'HttpForbiddenException',
    detail: 'You do not have permission to access that backup.',
  },
  restoreOfOtherNode: null,
  completed: {
    status: 400,
    code: 'BadRequestHttpException',
    detail: 'Cannot update the status of a backup that is already marked as completed.',
  },
  notUploaded: {
    status: 400,
    code: 'BadRequestHttpException',
    detail: 'The configured backup adapter is not an S3 compatible adapter.',
  },
  notRestoring: null,
  envelope: laravel,
};

const PELICAN_OTHER_NODE: Refusal = {
  status: 403,
  code: 'HttpForbiddenException',
  detail: 'Requesting node does not have permission to access this server.',
};

const PELICAN: FlavourRules = {
  ...PTERODACTYL,
  partSize: 128 * 1024 ** 2,
  unknownTokenId: PTERODACTYL.unknownBackup,
  otherNode: PELICAN_OTHER_NODE,
  restoreOfOtherNode: PELICAN_OTHER_NODE,
  notUploaded: { ...PTERODACTYL.notUploaded, detail: 'The configured backup schema is not an S3 compatible.' },
};

const UNAUTHORIZED = { status: 401, code: '', detail: 'invalid authorization header' };

const CALAGOPUS: FlavourRules = {
  taken: { status: 200, body: '{}' },
  partSize: 128 * 1024 ** 2,
  noCredential: UNAUTHORIZED,
  malformedCredential: UNAUTHORIZED,
  unknownTokenId: { ...UNAUTHORIZED, detail: 'invalid token' },
  wrongToken: { ...UNAUTHORIZED, detail: 'invalid token' },
  unknownBackup: { status: 404, code: '', detail: 'backup not found' },
  otherNode: { status: 404, code: '', detail: 'backup not found' },
  restoreOfOtherNode: { status: 404, code: '', detail: 'backup not found' },
  completed: null,
  notUploaded: { status: 417, code: '', detail: 'backup is not stored on S3' },
  notRestoring: { status: 417, code: '', detail: 'server is not restoring a backup' },
  envelope: ({ detail }) => JSON.stringify({ errors: [detail] }),
};

export const FLAVOUR_RULES: Readonly<Record<PanelFlavour, FlavourRules>> = {
  pterodactyl: PTERODACTYL,
  pelican: PELICAN,
  calagopus: CALAGOPUS,
};
