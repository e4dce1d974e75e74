/** Servers, jobs, state and health of the node. */
import { createRoute } from '@hono/zod-openapi';
import { Failure } from '../../base/failure.ts';
import { parseJobId, parseServerId } from '../../base/ids.ts';
import type { JobFilter, JobView, ServerOverview } from '../../jobs/contract.ts';
import { type Caller, holdsServer } from '../access.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { bearerRoute, jsonAnswer, requiredBody } from '../route-answers.ts';
import { ANY_ERROR } from './answers.ts';
import { jsonBody } from '../request-body.ts';
import { guard, nativeCaller } from './guard.ts';
import { JobObject, JobParams, JobsObject, JobsQuery } from './job-schemas.ts';
import { DoctorObject, HealthObject } from './openapi/doctor-schemas.ts';
import * as schemas from './schemas.ts';
import { ServersQuery, ServerWithOverview, SystemQuery, SystemWithUsage } from './overview/schemas.ts';
import { overviewObject, usageObject } from './overview/views.ts';
import { jobObject, serverObject, systemObject } from './views.ts';

const servers = bearerRoute({
  method: 'get',
  path: '/api/servers',
  summary: 'The servers that the token holds',
  middleware: [guard('backup.read')],
  request: { query: ServersQuery },
  responses: { 200: jsonAnswer(ServerWithOverview.array(), 'Servers'), ...ANY_ERROR },
});

const server = bearerRoute({
  method: 'get',
  path: '/api/servers/{server}',
  summary: 'One server',
  middleware: [guard('backup.read')],
  request: { params: schemas.ServerParams, query: ServersQuery },
  responses: { 200: jsonAnswer(ServerWithOverview, 'The server'), ...ANY_ERROR },
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
  description: 'All that are queued or run, and the newest of those that have ended; with `limit` or `before`, a page.',
  middleware: [guard('node.read', 'backup.read')],
  request: { query: JobsQuery },
  responses: { 200: jsonAnswer(JobsObject, 'Jobs'), ...ANY_ERROR },
});

const job = bearerRoute({
  method: 'get',
  path: '/api/jobs/{id}',
  summary: 'One job',
  description: 'For who may read the node, and for who may begin such jobs of the server.',
  middleware: [guard('node.read', 'backup.read', 'backup.create', 'backup.restore')],
  request: { params: JobParams },
  responses: { 200: jsonAnswer(JobObject, 'The job'), ...ANY_ERROR },
});

const system = bearerRoute({
  method: 'get',
  path: '/api/system',
  summary: 'The state of this node',
  middleware: [guard('node.read')],
  request: { query: SystemQuery },
  responses: { 200: jsonAnswer(SystemWithUsage, 'The node'), ...ANY_ERROR },
});

const doctor = bearerRoute({
  method: 'get',
  path: '/api/doctor',
  summary: 'What is wrong on this node, and how to mend it',
  description:
    'Servers without a good backup, damage, stores, space, what is owed to a panel: what `roost doctor` prints.',
  middleware: [guard('node.read')],
  responses: { 200: jsonAnswer(DoctorObject, 'The findings'), ...ANY_ERROR },
});

const health = createRoute({
  method: 'get',
  path: '/health',
  summary: 'Whether the daemon answers',
  responses: { 200: jsonAnswer(HealthObject, 'It does') },
});

export function mountNode(app: App, ports: DialectDeps): void {
  const { service, node } = ports;

  app.openapi(servers, async (c) => {
    const caller = nativeCaller(c);
    const held = (await service.servers()).filter(({ id }) => holdsServer(caller, id));
    const power = await ports.power?.();
    const shown = held.map((view) => serverObject(view, power));
    if (c.req.valid('query').with === undefined) return c.json(shown, 200);
    const overviews = await node.overviews(held.map(({ id }) => id));
    return c.json(
      shown.map((each, at) => withOverview(each, overviews[at])),
      200,
    );
  });

  app.openapi(server, async (c) => {
    const view = await service.server(c.get('server'));
    const shown = serverObject(view, await ports.power?.());
    if (c.req.valid('query').with === undefined) return c.json(shown, 200);
    const [overview] = await node.overviews([view.id]);
    return c.json(withOverview(shown, overview), 200);
  });

  app.openapi(setServer, async (c) => {
    const { suspended } = c.req.valid('json');
    return c.json(serverObject(await service.setServer(c.get('server'), { suspended })), 200);
  });

  app.openapi(jobs, (c) => {
    const caller = nativeCaller(c);
    const { server, before, ...asked } = c.req.valid('query');
    const filter = {
      ...asked,
      server: server === undefined ? undefined : parseServerId(server.toLowerCase()),
      before: before === undefined ? undefined : parseJobId(before.toLowerCase()),
    };
    return c.json({ jobs: heldJobs(caller, filter, service).map(jobObject) }, 200);
  });

  app.openapi(job, (c) => {
    const view = service.job(parseJobId(c.req.valid('param').id.toLowerCase()));
    if (!holdsServer(nativeCaller(c), view.server)) throw new Failure('job_not_found', 'There is no such job');
    return c.json(jobObject(view), 200);
  });

  app.openapi(system, async (c) => {
    const shown = systemObject(await service.system());
    if (c.req.valid('query').with === undefined) return c.json(shown, 200);
    return c.json({ ...shown, usage: usageObject(await node.node()) }, 200);
  });

  app.openapi(doctor, async (c) => {
    const findings = Array.from(await service.doctor());
    return c.json({ healthy: findings.every(({ level }) => level === 'ok'), findings }, 200);
  });

  app.openapi(health, (c) => c.json({ status: 'ok' as const }, 200));
  // The defaults of health checks: Nagios and Varnish ask for GET /, HAProxy for OPTIONS /.
  app.get('/', (c) => c.json({ status: 'ok' as const }, 200));
  app.on('OPTIONS', ['/', '/health'], (c) => c.json({ status: 'ok' as const }, 200, { Allow: 'GET, HEAD, OPTIONS' }));
}

function withOverview(shown: ReturnType<typeof serverObject>, overview: ServerOverview | undefined) {
  return overview === undefined ? shown : { ...shown, overview: overviewObject(overview) };
}

/** Pages of jobs read for one page of those that a caller holds. */
const MOST_PAGES = 20;

/**
 * Jobs of servers that the caller holds. A page of a caller who holds few servers of many is filled from several pages of
 * all; one that stays short has reached the oldest, or `MOST_PAGES`.
 *
 * @throws Failure `job_not_found` for a `before` that is no job, or one of a server that is not held.
 */
function heldJobs(caller: Caller, filter: JobFilter, service: DialectDeps['service']): JobView[] {
  const isHeld = ({ server }: JobView): boolean => holdsServer(caller, server);
  if (filter.before !== undefined && !isHeld(service.job(filter.before))) {
    throw new Failure('job_not_found', 'There is no such job');
  }
  const { limit } = filter;
  if (limit === undefined) return service.jobs(filter).filter(isHeld);
  const held: JobView[] = [];
  let { before } = filter;
  for (let pages = 0; pages < MOST_PAGES && held.length < limit; pages++) {
    const page = service.jobs({ ...filter, before });
    held.push(...page.filter(isHeld).slice(0, limit - held.length));
    before = page.at(-1)?.id;
    if (page.length < limit || before === undefined) break;
  }
  return held;
}
