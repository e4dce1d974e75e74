/** The operator's decisions: retention's plan, removing a server, the rates of a job. */
import { isoDate } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { parseJobId } from '../../base/ids.ts';
import { holdsServer } from '../access.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { jsonBody } from '../request-body.ts';
import { bearerRoute, jsonAnswer, requiredBody } from '../route-answers.ts';
import { ANY_ERROR } from './answers.ts';
import { guard, nativeCaller } from './guard.ts';
import * as schemas from './policy-schemas.ts';
import { JobObject, JobParams, ServerParams } from './schemas.ts';
import { backupObject, jobObject } from './views.ts';

const retention = bearerRoute({
  method: 'get',
  path: '/api/servers/{server}/retention',
  summary: 'Which backups retention would let go now, and why the others stay',
  middleware: [guard('backup.read')],
  request: { params: ServerParams },
  responses: { 200: jsonAnswer(schemas.RetentionObject, 'The plan'), ...ANY_ERROR },
});

const giveUp = bearerRoute({
  method: 'delete',
  path: '/api/servers/{server}',
  summary: 'Decide about the backups of a server that is given up',
  description: 'The server’s own directory is never touched. Locked backups stay; a later call replaces the decision.',
  middleware: [guard('node.manage'), jsonBody],
  request: { params: ServerParams, body: requiredBody(schemas.GiveUpBody) },
  responses: { 200: jsonAnswer(schemas.GivenUpObject, 'What became of them'), ...ANY_ERROR },
});

const setRates = bearerRoute({
  method: 'patch',
  path: '/api/jobs/{id}',
  summary: 'Pace a queued or running job',
  middleware: [guard('node.manage'), jsonBody],
  request: { params: JobParams, body: requiredBody(schemas.RatesBody) },
  responses: { 200: jsonAnswer(JobObject, 'The job'), ...ANY_ERROR },
});

export function mountPolicies(app: App, { service }: Pick<DialectDeps, 'service'>): void {
  app.openapi(retention, async (c) => {
    const plan = await service.retention(c.get('server'));
    const backups = plan.backups.map(({ backup, reasons }) => ({
      backup: backupObject(backup),
      keep: reasons.length > 0,
      reasons: [...reasons],
    }));
    return c.json({ backups }, 200);
  });

  app.openapi(giveUp, async (c) => {
    const { deleted, kept, deleteAt } = await service.removeServer(c.get('server'), c.req.valid('json'));
    return c.json({ deleted, kept, deleteAt: deleteAt === null ? null : isoDate(deleteAt) }, 200);
  });

  app.openapi(setRates, (c) => {
    const id = parseJobId(c.req.valid('param').id.toLowerCase());
    if (!holdsServer(nativeCaller(c), service.job(id).server))
      throw new Failure('job_not_found', 'There is no such job');
    const { readLimit, writeLimit } = c.req.valid('json');
    const rates = {
      ...(readLimit === undefined ? {} : { readLimit }),
      ...(writeLimit === undefined ? {} : { writeLimit }),
    };
    return c.json(jobObject(service.setRates(id, rates)), 200);
  });
}
