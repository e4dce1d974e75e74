/** The operator's decisions: retention's plan, removing a server, the rates of a job. */
import type { z } from '@hono/zod-openapi';
import { isoDate } from '../../../base/clock.ts';
import { Failure } from '../../../base/failure.ts';
import { parseJobId } from '../../../base/ids.ts';
import type { RetentionPlan } from '../../../jobs/contract.ts';
import { holdsServer } from '../../access.ts';
import type { App, DialectDeps } from '../../dialect.ts';
import { jsonBody } from '../../request-body.ts';
import { bearerRoute, jsonAnswer, optionalBody, requiredBody } from '../../route-answers.ts';
import { ANY_ERROR } from '../answers.ts';
import { guard, nativeCaller } from '../guard.ts';
import * as schemas from './policy-schemas.ts';
import { JobObject, JobParams } from '../job-schemas.ts';
import { ServerParams } from '../schemas.ts';
import { backupObject, jobObject } from '../views.ts';

const retention = bearerRoute({
  method: 'get',
  path: '/api/servers/{server}/retention',
  summary: 'Which backups retention would let go now, and why the others stay',
  middleware: [guard('backup.read')],
  request: { params: ServerParams },
  responses: { 200: jsonAnswer(schemas.RetentionObject, 'The plan'), ...ANY_ERROR },
});

const applyRetention = bearerRoute({
  method: 'post',
  path: '/api/servers/{server}/retention/apply',
  summary: 'Remove all that retention lets go now',
  description: 'Other runs remove at most half of what a server has; this one removes all of it.',
  middleware: [guard('backup.delete'), jsonBody],
  request: { params: ServerParams, body: optionalBody(schemas.ApplyRetentionBody) },
  responses: { 200: jsonAnswer(schemas.AppliedRetentionObject, 'What was removed, and the plan now'), ...ANY_ERROR },
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
  app.openapi(retention, async (c) => c.json(planObject(await service.retention(c.get('server'))), 200));

  app.openapi(applyRetention, async (c) => {
    const applied = await service.applyRetention(c.get('server'), c.req.valid('json').clockIsRight);
    const { removed, failed, doubt } = applied;
    const clockInDoubt = doubt === null ? undefined : { clock: isoDate(doubt.wall), expected: isoDate(doubt.expected) };
    return c.json({ ...planObject(applied), removed: [...removed], failed: [...failed], clockInDoubt }, 200);
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

function planObject({ backups }: RetentionPlan): z.infer<typeof schemas.RetentionObject> {
  return {
    backups: backups.map(({ backup, reasons }) => ({
      backup: backupObject(backup),
      keep: reasons.length > 0,
      reasons: [...reasons],
    })),
  };
}
