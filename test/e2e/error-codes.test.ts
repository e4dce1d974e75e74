/**
 * Every error code that the API has, provoked in a whole daemon and read from a real connection: its status, its
 * sentence, and what it says to do next.
 */
import { mkdir, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FailureCode } from '../../src/base/failure.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN, type Host, type RunningDaemon } from '../support/daemon.ts';
import { RawConnection } from '../support/listening-node.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const UNKNOWN = '99999999-9999-4999-8999-999999999999';
const LIMITED = 'a-token-that-may-only-read-backups';
const ASYNC = { prefer: 'respond-async' };

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface ErrorCase {
  readonly status: number;
  readonly error: RegExp | string;
  /** null: the sentence says all that there is to say. */
  readonly hint: RegExp | null;
  readonly provoke: () => Promise<Answer>;
}

interface Scene extends RunningDaemon {
  readonly host: Host;
  /** Makes a backup and gives its id. */
  readonly made: (request?: object) => Promise<string>;
}

/** @param change of the config's text, such as other limits. */
async function scene(change: (config: string) => string = (config) => config, drainMs = 0): Promise<Scene> {
  const host = await scratchHost();
  const running = await runDaemonOn({ ...host, config: change(host.config) }, drainMs);
  const made = async (request: object = { name: 'x' }): Promise<string> => {
    const { status, body } = await running.call(BACKUPS, { body: request });
    expect(status).toBe(201);
    return (body as { id: string }).id;
  };
  return { ...running, host, made };
}

const limited = (config: string): string =>
  config.replace(
    'tokens: [',
    `tokens: [ { id: limited, secret: ${LIMITED}, permissions: [backup.read], servers: ["${GAME_SERVER}"] },`,
  );

const slow = (config: string): string => `${config}\nbackups: { read_limit: 1 }\n`;

/** A daemon with a backup that is being made, and goes on for as long as the test looks at it. */
async function busyScene(): Promise<Scene & { readonly id: string }> {
  const host = await scratchHost();
  await writeFile(join(host.server, 'large.bin'), Buffer.alloc(60_000_000, 'x'));
  const running = await runDaemonOn({ ...host, config: slow(host.config) }, 0);
  const { status, body } = await running.call(BACKUPS, { body: { name: 'slow' }, headers: ASYNC });
  expect(status).toBe(202);
  return { ...running, host, id: (body as { id: string }).id, made: () => Promise.reject(new Error('it is busy')) };
}

/** The status of the backup, once it is one of these. */
async function until({ call }: Scene, id: string, wanted: string): Promise<void> {
  await expect.poll(async () => ((await call(`${BACKUPS}/${id}`)).body as { status: string }).status).toBe(wanted);
}

/** A request whose body comes after its head, with something in between. */
async function sendInTwo(url: string, between: () => Promise<void>): Promise<Answer> {
  const connection = new RawConnection(Number(new URL(url).port));
  const body = '{"name":"late"}';
  const lines = ['POST ' + BACKUPS + ' HTTP/1.1', 'Host: node', `Authorization: Bearer ${TOKEN}`];
  const more = ['Content-Type: application/json', `Content-Length: ${body.length}`, 'Expect: 100-continue'];
  connection.send(`${[...lines, ...more].join('\r\n')}\r\n\r\n`);
  // The daemon says by this that the request is under way.
  await connection.until(/^HTTP\/1\.1 100 .*\r\n\r\n/);
  await between();
  connection.send(body);
  const [, head = '', answer = ''] = (await connection.closed()).split('\r\n\r\n');
  return { status: Number(head.split(' ')[1]), body: JSON.parse(answer) };
}

const CASES: Record<Exclude<FailureCode, 'config_invalid'>, ErrorCase> = {
  invalid_request: {
    status: 400,
    error: /^Cannot read the request: name/,
    hint: null,
    provoke: async () => (await scene()).call(BACKUPS, { body: { name: 5 } }),
  },
  backup_not_ready: {
    status: 400,
    error: 'Cannot look into the backup: it is being made',
    hint: /^Wait until it has ended/,
    async provoke() {
      const { call, id } = await busyScene();
      return call(`${BACKUPS}/${id}/files`);
    },
  },
  backup_failed: {
    status: 400,
    error: 'Cannot restore the backup: it failed when it was made',
    hint: /can only be deleted/,
    async provoke() {
      const at = await busyScene();
      await at.call(`${BACKUPS}/${at.id}/cancel`, { method: 'POST' });
      await until(at, at.id, 'FAILED');
      return at.call(`${BACKUPS}/restore?id=${at.id}`, { method: 'POST' });
    },
  },
  server_suspended: {
    status: 400,
    error: 'Cannot create a backup: the server is suspended',
    hint: null,
    async provoke() {
      const { call } = await scene();
      await call(`/api/servers/${GAME_SERVER}`, { method: 'PATCH', body: { suspended: true } });
      return call(BACKUPS, { body: { name: 'x' } });
    },
  },
  too_many_backups: {
    status: 400,
    error: 'Cannot create a backup: the server has 1 of 1 allowed backups',
    hint: /^Delete a backup first/,
    async provoke() {
      const { call, made } = await scene((config) => config.replace('per_server: 0', 'per_server: 1'));
      await made();
      return call(BACKUPS, { body: { name: 'one too many' } });
    },
  },
  unauthorized: {
    status: 401,
    error: /^Cannot accept the request: it carries no valid bearer token/,
    hint: /Authorization: Bearer/,
    provoke: async () => (await scene()).call(BACKUPS, { headers: { authorization: 'Bearer wrong' } }),
  },
  forbidden: {
    status: 403,
    error: /^Cannot do this with the presented token: it lacks the permission backup\.create/,
    hint: /^Add backup\.create/,
    async provoke() {
      const { call } = await scene(limited);
      return call(BACKUPS, { body: { name: 'x' }, headers: { authorization: `Bearer ${LIMITED}` } });
    },
  },
  backup_locked: {
    status: 403,
    error: 'Cannot delete the backup: it is locked',
    hint: /^Unlock it/,
    async provoke() {
      const { call, made } = await scene();
      const id = await made({ name: 'kept', locked: true });
      return call(`${BACKUPS}/delete?id=${id}`, { method: 'DELETE' });
    },
  },
  server_not_found: {
    status: 404,
    error: 'There is no such server',
    // For a token that holds all servers; where a token does not hold one, the guard answers, without a hint.
    hint: /^Make its directory under servers\.root/,
    provoke: async () => (await scene()).call(`/api/servers/${UNKNOWN}/backups`),
  },
  backup_not_found: {
    status: 404,
    error: 'There is no such backup',
    hint: null,
    provoke: async () => (await scene()).call(`${BACKUPS}/${UNKNOWN}`),
  },
  path_not_found: {
    status: 404,
    error: 'Cannot look into the backup: it holds no "nowhere"',
    hint: /^List the directory above it/,
    async provoke() {
      const { call, made } = await scene();
      return call(`${BACKUPS}/${await made()}/files/content?path=nowhere`);
    },
  },
  job_not_found: {
    status: 404,
    error: 'There is no such job',
    hint: null,
    provoke: async () => (await scene()).call(`/api/jobs/${UNKNOWN}`),
  },
  backup_exists: {
    status: 409,
    error: `Cannot create a backup: the id ${UNKNOWN} is taken`,
    hint: /^Use another id/,
    async provoke() {
      const { call, made } = await scene();
      await made({ name: 'x', uuid: UNKNOWN });
      return call(BACKUPS, { body: { name: 'another', uuid: UNKNOWN } });
    },
  },
  server_busy: {
    status: 409,
    error: 'Cannot create a backup: the server has a backup running',
    hint: /^Wait until it has ended/,
    async provoke() {
      const { call } = await busyScene();
      return call(BACKUPS, { body: { name: 'x' } });
    },
  },
  preview_outdated: {
    status: 409,
    error: 'Cannot restore: it would do something else than was previewed',
    hint: /^The server has changed since/,
    async provoke() {
      const { call, made, host } = await scene();
      const id = await made();
      const { body } = await call(`${BACKUPS}/${id}/preview`, { body: {} });
      await rm(join(host.server, 'eula.txt'));
      return call(`${BACKUPS}/restore?id=${id}`, { body: { preview: (body as { id: string }).id } });
    },
  },
  not_running: {
    status: 409,
    error: /^Cannot cancel: nothing is queued or runs on that backup/,
    hint: null,
    async provoke() {
      const { call, made } = await scene();
      return call(`${BACKUPS}/${await made()}/cancel`, { method: 'POST' });
    },
  },
  too_large: {
    status: 413,
    error: /^Cannot .*: /,
    hint: /have the limit raised/,
    async provoke() {
      const { call, host } = await scene((config) => config.replace('max_size: 0', 'max_size: 64KiB'));
      const noise = Uint8Array.from(
        { length: 4_000_000 },
        (_, index) => (Math.imul(index ^ (index >> 7), 2_654_435_761) >> 13) & 255,
      );
      await writeFile(join(host.server, 'noise.bin'), noise);
      return call(BACKUPS, { body: { name: 'x' } });
    },
  },
  archive_damaged: {
    status: 422,
    error: /^Cannot read the archive: it has 100 bytes, and had \d+ when it was made/,
    hint: null,
    async provoke() {
      const { call, made, host } = await scene();
      const id = await made();
      await truncate(join(host.backups, GAME_SERVER, `${id}.tar.gz`), 100);
      return call(`${BACKUPS}/${id}/verify`, { method: 'POST' });
    },
  },
  draining: {
    status: 503,
    error: 'Cannot start a job: the daemon is shutting down',
    hint: /^Try again/,
    async provoke() {
      const { url, daemon } = await scene(undefined, 60_000);
      return sendInTwo(url, async () => {
        // The request that is under way keeps it at this.
        void daemon.stop();
        await expect
          .poll(() =>
            fetch(`${url}/health`).then(
              () => 'answers',
              () => 'is closed',
            ),
          )
          .toBe('is closed');
      });
    },
  },
  store_unreachable: {
    status: 503,
    error: /^Cannot use the store .*: its marker is missing/,
    hint: /^Is its disk mounted\?/,
    async provoke() {
      const { call, host } = await scene();
      await rename(host.backups, `${host.backups}.away`);
      await mkdir(host.backups);
      return call(BACKUPS, { body: { name: 'x' } });
    },
  },
  insufficient_storage: {
    status: 507,
    error: /^Cannot store the archive: .* free, of which 7\.8 PiB are to stay free/,
    hint: /^Delete old backups/,
    async provoke() {
      const { call } = await scene((config) => config.replace('reserve_free: 0', 'reserve_free: 8000TiB'));
      return call(BACKUPS, { body: { name: 'x' } });
    },
  },
  cancelled: {
    status: 409,
    error: 'Cannot finish the job: it was cancelled',
    hint: null,
    async provoke() {
      const host = await scratchHost();
      await writeFile(join(host.server, 'large.bin'), Buffer.alloc(60_000_000, 'x'));
      const { call } = await runDaemonOn({ ...host, config: slow(host.config) }, 0);
      const waiting = call(BACKUPS, { body: { name: 'x', uuid: UNKNOWN } });
      await expect.poll(async () => (await call(`${BACKUPS}/${UNKNOWN}/cancel`, { method: 'POST' })).status).toBe(202);
      return waiting;
    },
  },
  interrupted: {
    status: 500,
    error: 'Cannot finish the job: the daemon was shut down',
    hint: /^Start it again/,
    async provoke() {
      const host = await scratchHost();
      await writeFile(join(host.server, 'large.bin'), Buffer.alloc(60_000_000, 'x'));
      const { call, daemon } = await runDaemonOn({ ...host, config: slow(host.config) }, 0);
      const waiting = call(BACKUPS, { body: { name: 'x', uuid: UNKNOWN } });
      await expect.poll(async () => (await call(`${BACKUPS}/${UNKNOWN}`)).status).toBe(200);
      await daemon.stop();
      return waiting;
    },
  },
  internal: {
    status: 500,
    error: /^Cannot look up servers: .*ELOOP/,
    hint: /permissions/,
    async provoke() {
      const { call, host } = await scene();
      const root = join(host.directory, 'servers');
      await rm(root, { recursive: true });
      await symlink(root, root);
      return call('/api/servers');
    },
  },
};

describe('over a real connection to a whole daemon', () => {
  test.each(Object.entries(CASES))('%s is answered with its status, sentence and hint', async (code, expected) => {
    const { status, body } = await expected.provoke();
    const said = body as {
      readonly error: string;
      readonly code: string;
      readonly hint?: string;
      readonly requestId: string;
    };
    expect({ status, code: said.code, error: said.error }).toEqual({
      status: expected.status,
      code,
      error: typeof expected.error === 'string' ? expected.error : expect.stringMatching(expected.error),
    });
    expect(said.error).toMatch(/^(?:Cannot [^:]+: .+|There is no such \w+)$/s);
    if (expected.hint === null) expect(said).not.toHaveProperty('hint');
    else expect(said.hint).toMatch(expected.hint);
    expect(said.requestId).toMatch(/^[0-9a-f-]{36}$/);
    expect(Object.keys(said).filter((key) => !['error', 'code', 'hint', 'requestId'].includes(key))).toEqual([]);
  });
});
