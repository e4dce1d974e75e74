/**
 * The client dialect: the backup routes of the Pterodactyl client API (`/api/client/servers/{server}/backups…`).
 *
 * For: client libraries and panels that speak it, on every node. Callers present bearer tokens of the config, whose
 * permissions have the API's names. Promises: routes, JSON:API bodies, statuses and error codes of that API's
 * documentation, with the live panel's fields added where it differs (docs/client-api.md). Never: decides about a
 * backup, which is the service's.
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { App, AppEnv, Dialect } from '../dialect.ts';
import { refuseOtherMethods } from '../other-methods.ts';
import { logThrown } from '../thrown.ts';
import { mountBackups } from './backups.ts';
import { mountDownload } from './download.ts';
import { answerError, answerFault, statusOf, validationFailure } from './errors.ts';
import { guardFor } from './guard.ts';
import { mountOneBackup } from './one-backup.ts';
import { mountServers } from './servers.ts';

export const clientDialect: Dialect = {
  name: 'client',
  mount(app, ports) {
    const own: App = new OpenAPIHono<AppEnv>({
      defaultHook: (result) => {
        if (!result.success) throw validationFailure(result.error);
      },
    });
    own.onError((error, c) => {
      logThrown(c, error, statusOf(error), ports.log);
      return answerError(c, error);
    });
    own.use('/api/client/*', async (_, next) => {
      try {
        await next();
      } catch (thrown) {
        // Hono passes only Errors to `onError`; anything else would get another dialect's answer.
        throw thrown instanceof Error ? thrown : new Error(`thrown: ${String(thrown)}`);
      }
    });
    const guard = guardFor(ports.service);
    mountServers(own, ports, guard);
    mountBackups(own, ports, guard);
    mountOneBackup(own, ports, guard);
    mountDownload(own, ports, guard);
    refuseOtherMethods(own, '/api/client', (c, allow) => answerFault(c, 'method_not_allowed', { Allow: allow }));
    own.all('/api/client/*', (c) => answerFault(c, 'not_found'));
    app.route('/', own);
  },
};
