import os from 'node:os';
import type { App, DialectDeps } from '../../dialect.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import { panelOnly, whenPanel } from '../requests/guard.ts';

/** `GET /api/system` for the panel; the path is shared. */
export function mountSystem(app: App, { version, service, clock }: DialectDeps, facts: FlavourFacts): void {
  const { answers } = facts;
  if (facts.routes.showsOverview) {
    app.get('/api/system/overview', panelOnly, async (c) =>
      answers.json(c, overview(version, (await service.servers()).length, clock.now(), facts)),
    );
  }
  app.get(
    '/api/system',
    whenPanel(async (c) => {
      const long = facts.routes.longSystem && c.req.query('v') === '2';
      return answers.json(c, long ? longSystem(version) : shortSystem(version, facts));
    }),
  );
}

function shortSystem(version: string, { routes }: FlavourFacts) {
  return {
    architecture: routes.kernelArchitecture ? os.machine() : goArchitecture(),
    cpu_count: os.availableParallelism(),
    kernel_version: os.release(),
    os: 'linux',
    version: `${version}${routes.versionSuffix ?? ''}`,
  };
}

/**
 * Whether the node answers, and what it is. All servers are offline: this node runs none.
 *
 * Source: calagopus/panel 76dfc96 api-clients/wings-api/src/lib.rs (`system_overview`).
 */
function overview(version: string, servers: number, now: number, { routes }: FlavourFacts) {
  const [total, free] = [os.totalmem(), os.freemem()];
  const { model, speed } = os.cpus()[0] ?? { model: '', speed: 0 };
  return {
    version: `${version}${routes.versionSuffix ?? ''}`,
    local_time: new Date(now).toISOString(),
    container_type: 'none',
    cpu: { name: model, brand: model, vendor_id: '', frequency_mhz: speed, cpu_count: os.availableParallelism() },
    memory: {
      total_bytes: total,
      free_bytes: free,
      used_bytes: total - free,
      used_bytes_process: process.memoryUsage.rss(),
    },
    servers: { total: servers, online: 0, offline: servers },
    architecture: os.machine(),
    kernel_version: os.release(),
  };
}

/** Zero: there are no containers here, and panels add these numbers up. */
function longSystem(version: string) {
  return {
    version,
    docker: {
      version: '',
      cgroups: { driver: '', version: '' },
      containers: { total: 0, running: 0, paused: 0, stopped: 0 },
      storage: { driver: '', filesystem: '' },
      runc: { version: '' },
    },
    system: {
      architecture: goArchitecture(),
      cpu_threads: os.availableParallelism(),
      memory_bytes: os.totalmem(),
      kernel_version: os.release(),
      os: os.type(),
      os_type: 'linux',
    },
  };
}

function goArchitecture(): string {
  const architecture = os.arch();
  return architecture === 'x64' ? 'amd64' : architecture === 'ia32' ? '386' : architecture;
}
