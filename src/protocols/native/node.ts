/** Servers, jobs, state and health of the node. */
import { createRoute } from '@hono/zod-openapi';
import { Failure } from '../../base/failure.ts';
import { parseJobId, parseServerId } from '../../base/ids.ts';
import { holdsServer } from '../access.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { bearerRoute, jsonAnswer, requiredBody } from '../route-answers.ts';
import { ANY_ERROR } from './answers.ts';
import { jsonBody } from '../request-body.ts';
import { guard, nativeCaller } from './guard.ts';
import * as schemas from './schemas.ts';
import { jobObject, serverObject, systemObject } from './views.ts';

const servers = bearerRoute({
  method: 'get',
  path: '/api/servers',
  summary: 'The servers that the token holds',
  middleware: [guard('backup.read')],
  responses: { 200: jsonAnswer(schemas.ServerObject.array(), 'Servers'), ...ANY_ERROR },
});

const server = bearerRoute({
  method: 'get',
  path: '/api/servers/{server}',
  summary: 'One server',
  middleware: [guard('backup.read')],
  request: { params: schemas.ServerParams },
  responses: { 200: jsonAnswer(schemas.ServerObject, 'The server'), ...ANY_ERROR },
});

const setServer = bearerRoute({
  method: 'patch',
  path: '/api/servers/{server}',
  summary: 'Suspend a server, or end that',
  middleware: [guard('node.manage'), jsonBody],
  request: { params: schemas.ServerParams, body: requiredBody(schemas.ServerBody) },
  responses: { 200: jsonAnswer(schemas.ServerObject, 'The server as it is now'), ...ANY_ERROR },
});

const jobs = bearerRoute({
  method: 'get',
  path: '/api/jobs',
  summary: 'Jobs of the servers that the token holds',
  middleware: [guard('node.read')],
  request: { query: schemas.JobsQuery },
  responses: { 200: jsonAnswer(schemas.JobsObject, 'Jobs'), ...ANY_ERROR },
});

const job = bearerRoute({
  method: 'get',
  path: '/api/jobs/{id}',
  summary: 'One job',
  description: 'For who may read the node, and for who may begin such jobs of the server.',
  middleware: [guard('node.read', 'backup.read', 'backup.create', 'backup.restore')],
  request: { params: schemas.JobParams },
  responses: { 200: jsonAnswer(schemas.JobObject, 'The job'), ...ANY_ERROR },
});

const system = bearerRoute({
  method: 'get',
  path: '/api/system',
  summary: 'The state of this node',
  middleware: [guard('node.read')],
  responses: { 200: jsonAnswer(schemas.SystemObject, 'The node'), ...ANY_ERROR },
});

const doctor = bearerRoute({
  method: 'get',
  path: '/api/doctor',
  summary: 'What is wrong on this node, and how to mend it',
  description:
    'Servers without a good backup, damage, stores, space, what is owed to a panel: what `roost doctor` prints.',
  middleware: [guard('node.read')],
  responses: { 200: jsonAnswer(schemas.DoctorObject, 'The findings'), ...ANY_ERROR },
});

const health = createRoute({
  method: 'get',
  path: '/health',
  summary: 'Whether the daemon answers',
  responses: { 200: jsonAnswer(schemas.HealthObject, 'It does') },
});

export function mountNode(app: App, ports: DialectDeps): void {
  const { service } = ports;

  app.openapi(servers, async (c) => {
    const caller = nativeCaller(c);
    const held = (await service.servers()).filter(({ id }) => holdsServer(caller, id));
    return c.json(held.map(serverObject), 200);
  });

  app.openapi(server, async (c) => c.json(serverObject(await service.server(c.get('server'))), 200));

  app.openapi(setServer, async (c) => {
    const { suspended } = c.req.valid('json');
    return c.json(serverObject(await service.setServer(c.get('server'), { suspended })), 200);
  });

  app.openapi(jobs, (c) => {
    const caller = nativeCaller(c);
    const { server, kind } = c.req.valid('query');
    const held = service
      .jobs({ server: server === undefined ? undefined : parseServerId(server.toLowerCase()), kind })
      .filter((view) => holdsServer(caller, view.server));
    return c.json({ jobs: held.map(jobObject) }, 200);
  });

  app.openapi(job, (c) => {
    const view = service.job(parseJobId(c.req.valid('param').id.toLowerCase()));
    if (!holdsServer(nativeCaller(c), view.server)) throw new Failure('job_not_found', 'There is no such job');
    return c.json(jobObject(view), 200);
  });

  app.openapi(system, async (c) => c.json(systemObject(await service.system()), 200));

  app.openapi(doctor, async (c) => {
    const findings = Array.from(await service.doctor());
    return c.json({ healthy: findings.every(({ level }) => level === 'ok'), findings }, 200);
  });

  app.openapi(health, (c) => c.json({ status: 'ok' as const }, 200));
  // What health checks ask for until they are told otherwise: Nagios and Varnish GET /, HAProxy OPTIONS /.
  app.get('/', (c) => c.json({ status: 'ok' as const }, 200));
  app.on('OPTIONS', ['/', '/health'], (c) => c.json({ status: 'ok' as const }, 200, { Allow: 'GET, HEAD, OPTIONS' }));
}
