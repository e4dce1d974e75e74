/**
 * The native dialect: the backup API of StellarStack-shaped panels (`/api/servers/{server}/backups…`) and Roost's
 * additions.
 *
 * For: every node, whatever panel it belongs to; the HTTP side also gets authentication, event sockets and metrics
 * here. Promises: routes, bodies, fields and errors of that API stay; a server or backup that the token does not hold
 * looks like an unknown one; a waiting caller gets the job's own error. Never: decides about a backup, which is the
 * service's.
 */
import type { AppContext, Dialect } from '../dialect.ts';
import { refuseOtherMethods } from '../other-methods.ts';
import { mountBackups } from './backups.ts';
import { mountCompare } from './compare/routes.ts';
import { mountDocument } from './openapi/document.ts';
import { mountDownloads } from './downloads.ts';
import { answerFault } from './errors.ts';
import { lookSlots } from '../look-slots.ts';
import { mountNode } from './node.ts';
import { mountNotify } from './notify.ts';
import { mountOneBackup } from './one-backup.ts';
import { mountOverview } from './overview/overview.ts';
import { mountPanelReports } from './panel-reports.ts';
import { mountPolicies } from './policies/policies.ts';
import { mountRestores } from './restores.ts';
import { mountVaults } from './vaults/vaults.ts';
import { mountSignIn, type SignInPorts } from './sign-in/routes.ts';

export { bearerSecret, createTokenCheck, identifyCaller, type TokenCheck } from './auth.ts';
export { answerError, answerFault, invalidRequest } from './errors.ts';
export { CLOSE } from './events/session.ts';
export * from './events/socket.ts';
export { Sessions } from './sign-in/sessions.ts';
export type { EventLoopDelay } from './metrics/event-loop-delay.ts';
export { mountMetrics, type OpenCopies } from './metrics/metrics.ts';
export type { PassedTraffic } from './metrics/passed.ts';

const BACKUPS = '/api/servers/:server/backups';

/** @param identify returns the caller of a bearer token in the config, or of a session. */
export function nativeDialect(identify: NonNullable<Dialect['identify']>, signIn: SignInPorts): Dialect {
  return {
    name: 'native',
    identify,
    mount(app, ports) {
      const looks = lookSlots();
      app.on('POST', `${BACKUPS}/estimate`, looks);
      mountBackups(app, ports);
      mountRestores(app, ports);
      mountDownloads(app, ports, signIn.sessions);
      refuseOtherMethods(app, '/api/servers/:x/backups', methodNotAllowed);
      // Behind the refusal above, which would take them for the routes themselves.
      app.on('GET', [`${BACKUPS}/:id/files`, `${BACKUPS}/:id/files/content`], looks);
      app.on('POST', `${BACKUPS}/:id/preview`, looks);
      app.on('GET', [`${BACKUPS}/:id/compare`, `${BACKUPS}/:id/find`, '/api/servers/:server/find'], looks);
      mountCompare(app, ports);
      mountOneBackup(app, ports);
      mountSignIn(app, ports, signIn);
      mountNode(app, ports);
      mountOverview(app, ports);
      mountPolicies(app, ports);
      mountPanelReports(app, ports);
      mountNotify(app, ports);
      mountVaults(app, ports);
      mountDocument(app, ports.version);
      refuseOtherMethods(app, '/', methodNotAllowed);
    },
  };
}

function methodNotAllowed(c: AppContext, allow: string): Response {
  return answerFault(c, 'method_not_allowed', { Allow: allow });
}
