/**
 * Adding, showing, syncing and deleting servers for panels. Of the panel's settings Roost keeps name and suspension;
 * the rest is for the program that runs the server.
 */
import { z } from '@hono/zod-openapi';
import { asFailure, Failure } from '../../../base/failure.ts';
import { isUuid, parseServerId, type ServerId } from '../../../base/ids.ts';
import type { BackupService } from '../../../jobs/contract.ts';
import type { App, AppContext, DialectDeps } from '../../dialect.ts';
import { readBytes } from '../../request-body.ts';
import { anyBody, bodyAs } from '../requests/body.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import type { TokenDenylist } from '../tokens/denylist.ts';
import { knownServer, panelOnly, serverOf, whenPanel } from '../requests/guard.ts';
import { applySettings, type PanelServers, type PanelSettings } from '../panel/servers.ts';
import { serverObject, utilizationOf } from '../server-object.ts';

/** The panel waits 15 seconds; a failure must reach it before. */
const ASK_MS = 10_000;

export interface ServerRouteDeps {
  readonly facts: FlavourFacts;
  readonly panel: PanelServers;
  readonly denylist: Pick<TokenDenylist, 'serverDeleted'>;
}

export function mountServers(app: App, ports: DialectDeps, { facts, panel, denylist }: ServerRouteDeps): void {
  const { service, log } = ports;
  const { answers } = facts;

  app.get(
    '/api/servers',
    whenPanel(async (c) =>
      answers.json(c, (await service.servers()).filter(({ directory }) => directory).map(serverObject)),
    ),
  );

  if (facts.routes.showsOverview) {
    app.get('/api/servers/utilization', panelOnly, async (c) => {
      const here = (await service.servers()).filter(({ directory }) => directory);
      return answers.json(c, utilizationOf(here.map(({ id }) => id)));
    });
  }

  app.get(
    '/api/servers/:server',
    whenPanel(async (c) => {
      const view = await service.server(await serverOf(c, service, facts));
      return answers.json(c, serverObject(view));
    }),
  );

  app.post('/api/servers', panelOnly, async (c) => {
    const server = await newServer(c, service, facts);
    const settings = await asked(panel.settings(server, AbortSignal.timeout(ASK_MS)));
    await service.addServer(server);
    await applySettings(await service.server(server), settings, service);
    await panel.reportInstalled(server, AbortSignal.timeout(ASK_MS)).catch((error: unknown) => {
      log.warn('Cannot tell the panel that a server is installed: it goes on showing that it is not', {
        server,
        error,
      });
    });
    return answers.added(c);
  });

  app.post('/api/servers/:server/sync', panelOnly, knownServer(service, facts), async (c) => {
    const server = c.get('server');
    const settings = (await sent(c, facts)) ?? (await asked(panel.settings(server, AbortSignal.timeout(ASK_MS))));
    await applySettings(await service.server(server), settings, service);
    return answers.done(c);
  });

  app.delete(
    '/api/servers/:server',
    whenPanel(async (c) => {
      const server = await serverOf(c, service, facts);
      await readBytes(c);
      await service.removeServer(server, { backups: facts.routes.purgesWithServer ? 'delete' : 'keep', cancel: true });
      if (facts.routes.purgesWithServer) await service.deleteForeignArchives(server);
      denylist.serverDeleted(server);
      return answers.done(c);
    }),
  );
}

const LENIENT = z.object({ uuid: z.string().nullish() }).nullable();
const STRICT = z.object({ uuid: z.guid(), start_on_completion: z.boolean() });

/**
 * @throws Failure `invalid_request`; `server_busy` for a server that is already here, where the panel's daemon refuses
 *   that.
 */
async function newServer(c: AppContext, service: BackupService, facts: FlavourFacts): Promise<ServerId> {
  const { strictBodies, refusesKnownServers } = facts.routes;
  const shape: z.ZodType<{ readonly uuid?: string | null } | null> = strictBodies ? STRICT : LENIENT;
  const id = ((await bodyAs(c, shape, facts))?.uuid ?? '').toLowerCase();
  if (!isUuid(id)) {
    throw new Failure('invalid_request', 'The data provided in the request could not be validated.', {
      detail: { unprocessable: true },
    });
  }
  const server = parseServerId(id);
  const here = refusesKnownServers && (await service.servers()).some((view) => view.directory && view.id === server);
  if (here) throw new Failure('server_busy', 'server with this uuid already exists');
  return server;
}

const SyncBody = z.object({ server: z.object({ settings: z.record(z.string(), z.unknown()) }) });

/** The settings that newer panels send along, which saves a request. */
async function sent(c: AppContext, facts: FlavourFacts): Promise<PanelSettings | undefined> {
  return SyncBody.safeParse(await anyBody(c, facts)).data?.server.settings;
}

/** A failed request to the panel is `internal` to the panel that waits for this answer. */
async function asked<Answer>(answer: Promise<Answer>): Promise<Answer> {
  try {
    return await answer;
  } catch (error) {
    const { message } = asFailure(error, 'Cannot read the settings of the server from the panel');
    throw new Failure('internal', message, { cause: error });
  }
}
