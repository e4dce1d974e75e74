import os from 'node:os';
import type { App, DialectDeps } from '../../dialect.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import { whenPanel } from '../requests/guard.ts';

/** `GET /api/system` for the panel; the path is shared. */
export function mountSystem(app: App, { version }: DialectDeps, facts: FlavourFacts): void {
  const { answers } = facts;
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
