/** The words in which a panel's daemon answers. There are two kinds, after the languages of those daemons. */
import type { Failure } from '../../../base/failure.ts';
import type { AppContext } from '../../dialect.ts';

export interface Answers {
  /** Work was accepted and is done later. */
  accepted(c: AppContext): Response;
  /** A backup is gone. */
  deleted(c: AppContext): Response;
  /** A server was taken on. */
  added(c: AppContext): Response;
  /** Anything else was done. */
  done(c: AppContext): Response;
  json(c: AppContext, body: object): Response;
  /** The one place where a failure becomes a status and a body. */
  failed(c: AppContext, failure: Failure): Response;
}
