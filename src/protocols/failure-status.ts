import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { FailureCode } from '../base/failure.ts';

/** What a failure's code means in HTTP, where a protocol does not say otherwise. */
export const STATUS_OF: Readonly<Record<FailureCode, ContentfulStatusCode>> = {
  invalid_request: 400,
  backup_not_ready: 400,
  backup_failed: 400,
  server_suspended: 400,
  too_many_backups: 400,
  unauthorized: 401,
  forbidden: 403,
  backup_locked: 403,
  server_not_found: 404,
  backup_not_found: 404,
  path_not_found: 404,
  job_not_found: 404,
  backup_exists: 409,
  server_busy: 409,
  not_running: 409,
  too_large: 413,
  archive_damaged: 422,
  draining: 503,
  store_unreachable: 503,
  insufficient_storage: 507,
  cancelled: 500,
  interrupted: 500,
  config_invalid: 500,
  internal: 500,
};
