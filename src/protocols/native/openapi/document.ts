/** `GET /openapi.json`: generated from the validating schemas, with the operations of all dialects in groups. */
import type { App } from '../../dialect.ts';
import { describeEvents } from '../events/schemas.ts';
import { CLOSE } from '../events/session.ts';
import { OPERATION_IDS } from './operations.ts';
import { shareParts, type SharedOperation } from './shared.ts';

const DESCRIPTION = `Backups of game servers. Present a token of the config as \`Authorization: Bearer …\`.

A create or restore answers when it has ended; with \`Prefer: respond-async\` at once. Errors carry a stable \`code\`, a
sentence for people, and often a \`hint\`. \`/api/events\` is a websocket that tells of everything as it happens, in frames
of the schema \`Event\`. It closes with ${CLOSE.unauthorized.code} without a valid token, ${CLOSE.forbidden.code} for what the token may not
follow, ${CLOSE.shuttingDown.code} when the daemon stops or its tokens change (connect again), and ${CLOSE.tooManySockets.code} when too many are open.`;

const GROUPS = [
  {
    name: 'Backups',
    description: 'Make, look into, download, restore and delete',
    at: '/api/servers/{server}/backups',
  },
  { name: 'Servers', description: 'What there is to back up', at: '/api/servers' },
  { name: 'Client', description: 'The same in the words of a panel’s client API', at: '/api/client' },
  { name: 'Node', description: 'Jobs, state, health and metrics', at: '/' },
] as const;

const METHODS = ['get', 'put', 'post', 'patch', 'delete', 'head', 'options'] as const;

export function mountDocument(app: App, version: string): void {
  describeEvents(app);
  app.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  // Once all routes are there, and once for all requests.
  let document: string | undefined;
  app.get('/openapi.json', (c) => {
    document ??= JSON.stringify(describe(app, version));
    return c.body(document, 200, { 'Content-Type': 'application/json' });
  });
}

function describe(app: App, version: string): object {
  const document = app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Roost',
      version,
      description: DESCRIPTION,
      license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
    },
    servers: [{ url: '/', description: 'This node' }],
    tags: GROUPS.map(({ name, description }) => ({ name, description })),
  });
  const operations: SharedOperation[] = [];
  for (const [path, item] of Object.entries(document.paths ?? {})) {
    const group = GROUPS.find(({ at }) => path.startsWith(at));
    for (const method of METHODS) {
      const operation = item[method];
      if (operation === undefined) continue;
      if (group !== undefined) operation.tags ??= [group.name];
      operation.operationId ??= OPERATION_IDS[`${method.toUpperCase()} ${path}`];
      // What takes no token says so, instead of saying nothing.
      operation.security ??= [];
      operations.push(operation as SharedOperation);
    }
  }
  const responses = shareParts(operations) as NonNullable<NonNullable<typeof document.components>['responses']>;
  document.components = { ...document.components, responses };
  return document;
}
