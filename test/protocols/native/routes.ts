/** Every native route that a token guards, once: what the matrix of tokens and the table of bad requests run over. */
import type { Permission } from '../../../src/config/types.ts';
import { SERVER } from '../../support/scripted-service.ts';

export interface GuardedRoute {
  readonly method: string;
  /** Below the server, or from the root for routes of the node. */
  readonly path: (server: string, backup: string) => string;
  readonly permission: Permission;
  /** Another permission that is enough. */
  readonly orPermission?: Permission;
  readonly body?: unknown;
  /** False for routes of the node as a whole. */
  readonly ofServer: boolean;
  readonly ofBackup: boolean;
  readonly success: number;
}

const backups = (server: string): string => `/api/servers/${server}/backups`;

function route(
  method: string,
  permission: Permission,
  path: GuardedRoute['path'],
  rest: Partial<GuardedRoute> = {},
): GuardedRoute {
  return { method, permission, path, ofServer: true, ofBackup: true, success: 200, ...rest };
}

export const GUARDED_ROUTES: readonly GuardedRoute[] = [
  route('GET', 'backup.read', (server) => backups(server), { ofBackup: false }),
  route('POST', 'backup.create', (server) => backups(server), { ofBackup: false, success: 201 }),
  route('POST', 'backup.restore', (server, backup) => `${backups(server)}/restore?id=${backup}`),
  route('POST', 'backup.download', (server) => `${backups(server)}/download-token`, { body: 'id' }),
  route('DELETE', 'backup.delete', (server, backup) => `${backups(server)}/delete?id=${backup}`),
  route('DELETE', 'backup.delete', (server, backup) => `${backups(server)}/${backup}`),
  route('PATCH', 'backup.delete', (server, backup) => `${backups(server)}/lock?id=${backup}`, {
    body: { locked: true },
  }),
  route('POST', 'backup.create', (server) => `${backups(server)}/estimate`, { ofBackup: false }),
  route('GET', 'backup.read', (server, backup) => `${backups(server)}/${backup}`),
  route('POST', 'backup.create', (server, backup) => `${backups(server)}/${backup}/cancel`, { success: 202 }),
  route('POST', 'backup.restore', (server, backup) => `${backups(server)}/${backup}/undo`),
  route('POST', 'backup.read', (server, backup) => `${backups(server)}/${backup}/verify`),
  route('GET', 'backup.download', (server, backup) => `${backups(server)}/${backup}/files`),
  route('POST', 'backup.restore', (server, backup) => `${backups(server)}/${backup}/preview`),
  route('GET', 'backup.download', (server, backup) => `${backups(server)}/${backup}/compare?with=live`),
  route('GET', 'backup.download', (server, backup) => `${backups(server)}/${backup}/find?q=level`),
  route('GET', 'backup.download', (server) => `/api/servers/${server}/find?q=level`, { ofBackup: false }),
  route('GET', 'backup.download', (server, backup) => `${backups(server)}/${backup}/files/content?path=a`),
  route('GET', 'backup.read', (server) => `/api/servers/${server}`, { ofBackup: false }),
  route('PATCH', 'node.manage', (server) => `/api/servers/${server}`, { ofBackup: false, body: { suspended: true } }),
  route('GET', 'backup.read', () => '/api/servers', { ofServer: false, ofBackup: false }),
  route('GET', 'node.read', () => '/api/jobs', { ofServer: false, ofBackup: false, orPermission: 'backup.read' }),
  route('GET', 'node.read', () => '/api/schedules', { ofServer: false, ofBackup: false, orPermission: 'backup.read' }),
  route('GET', 'backup.read', (server) => `/api/servers/${server}/history`, { ofBackup: false }),
  route('PATCH', 'backup.create', (server, backup) => `${backups(server)}/${backup}`, {
    body: { name: 'Before 1.22' },
  }),
  route('GET', 'backup.read', (server, backup) => `${backups(server)}/${backup}/warnings`),
  route('POST', 'backup.delete', (server, backup) => `${backups(server)}/${backup}/accept`),
  route('GET', 'backup.read', (server) => `/api/servers/${server}/retention`, { ofBackup: false }),
  route('POST', 'backup.delete', (server) => `/api/servers/${server}/retention/apply`, { ofBackup: false }),
  route('DELETE', 'node.manage', (server) => `/api/servers/${server}`, {
    ofBackup: false,
    body: { backups: 'keep' },
  }),
  route('GET', 'backup.restore', (server) => `/api/servers/${server}/comparisons/kept`, {
    ofServer: false,
    ofBackup: false,
    orPermission: 'backup.download',
  }),
  route('GET', 'node.read', () => '/api/doctor', { ofServer: false, ofBackup: false }),
  route('GET', 'node.manage', () => '/api/sessions', { ofServer: false, ofBackup: false }),
  route('GET', 'node.read', () => '/api/notify/channels', { ofServer: false, ofBackup: false }),
  route('POST', 'node.manage', () => '/api/notify/test', { ofServer: false, ofBackup: false }),
  route('GET', 'node.read', () => '/api/system', { ofServer: false, ofBackup: false }),
  route('GET', 'node.read', () => '/api/report', { ofServer: false, ofBackup: false }),
  route('GET', 'node.read', () => '/api/vaults', { ofServer: false, ofBackup: false }),
  route('POST', 'node.manage', () => '/api/vaults/collect', { ofServer: false, ofBackup: false }),
  route('POST', 'node.manage', () => '/api/vaults/verify', { ofServer: false, ofBackup: false }),
  route('POST', 'node.manage', () => '/api/vaults/adopt', { ofServer: false, ofBackup: false }),
  route('GET', 'backup.read', (server, backup) => `${backups(server)}/${backup}/places`),
  route('GET', 'node.read', () => '/api/panel/reports', { ofServer: false, ofBackup: false }),
  route('POST', 'node.manage', () => '/api/panel/reports/retry', { ofServer: false, ofBackup: false }),
  route('DELETE', 'node.manage', () => '/api/panel/reports/7', { ofServer: false, ofBackup: false }),
];

/** The body to send; the download token's names the backup. */
export function bodyFor(route: GuardedRoute, backup: string): unknown {
  return route.body === 'id' ? { id: backup } : route.body;
}

export function nameOf(route: GuardedRoute): string {
  return `${route.method} ${route.path(SERVER, '{id}').replace(SERVER, '{server}')}`;
}
