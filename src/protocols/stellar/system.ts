import os from 'node:os';
import type { App, DialectDeps } from '../dialect.ts';

/** `GET /api/system` in this panel's words, where its credential is presented; the path is shared. */
export function mountSystem(app: App, { service, version }: DialectDeps): void {
  app.get('/api/system', async (c, next) => {
    if (c.get('caller')?.dialect !== 'stellar') return next();
    return c.json({
      version,
      architecture: os.arch(),
      cpu_count: os.availableParallelism(),
      kernel_version: os.release(),
      os: 'linux',
      server_count: (await service.servers()).length,
    });
  });
}
