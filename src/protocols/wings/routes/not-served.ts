import { Failure } from '../../../base/failure.ts';
import type { App, AppContext } from '../../dialect.ts';
import { panelOnly } from '../requests/guard.ts';

const OF_SERVER = [
  'commands',
  'files',
  'install',
  'install-logs',
  'logs',
  'power',
  'reinstall',
  'schedules',
  'script',
  'transfer',
  'utilization',
  'version',
];

const OF_NODE = ['/api/system', '/api/transfers', '/api/diagnostics'];

/** Opened with signed links, without the node's token. */
const WITH_LINK = ['/download/file', '/download/directory', '/upload/file'];

/**
 * What the panel's own daemon does besides backups. The answer says so for any server, below 500, where panels show its
 * text.
 */
export function mountNotServed(app: App): void {
  const answer = (c: AppContext): never => {
    throw new Failure(
      'path_not_found',
      `This node runs Roost, which only keeps backups: ${topicOf(c.req.path)} is not served here.`,
    );
  };
  for (const name of OF_SERVER) {
    app.all(`/api/servers/:server/${name}`, panelOnly, answer);
    app.all(`/api/servers/:server/${name}/*`, panelOnly, answer);
  }
  for (const path of OF_NODE) app.all(`${path}/:topic{.+}`, panelOnly, answer);
  app.all('/api/transfers', panelOnly, answer);
  app.all('/api/diagnostics', panelOnly, answer);
  for (const path of WITH_LINK) app.all(path, answer);
}

/** `files/list-directory` of `/api/servers/<id>/files/list-directory`, cut to 64 characters. */
function topicOf(path: string): string {
  return path.replace(/^\/api\/(?:servers\/[^/]*\/)?|^\//, '').slice(0, 64);
}
