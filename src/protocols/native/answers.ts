/** Pieces that the route definitions of this dialect share. */
import { jsonAnswer } from '../route-answers.ts';
import { ErrorObject } from './schemas.ts';

export const BACKUPS = '/api/servers/{server}/backups';

export const ANY_ERROR = { default: jsonAnswer(ErrorObject, 'An error; `code` is stable, `error` is for people') };
