/** Stores in buckets: presets that load, and faults between keys. */
import { describe, expect, test } from 'vitest';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Fault, parseConfig } from '../../src/config/config.ts';
import { thrownBy } from '../support/rejection.ts';

const KEYS = { access_key_id: 'id', secret_access_key: 'secret' };
const BUCKET = { type: 's3', bucket: 'game-backups', prefix: 'node1', ...KEYS };
const LOCAL = { type: 'local', directory: '/srv/backups' };

function parse(storage: object) {
  return parseConfig('c.yml', JSON.stringify({ storage }), {}).storage;
}

function faultsOf(storage: object): string[] {
  const { facts } = thrownBy(() => parse(storage), 'config_invalid');
  return (facts['faults'] as readonly Fault[]).map(({ key, problem }) => `${key}: ${problem}`);
}

describe('a bucket', () => {
  test.each([
    ['AWS S3', { region: 'eu-central-1' }],
    ['MinIO', { endpoint: 'https://minio.example.com:9000', region: 'us-east-1' }],
    ['Cloudflare R2', { endpoint: 'https://account.r2.cloudflarestorage.com', region: 'auto' }],
    ['Backblaze B2', { endpoint: 'https://s3.eu-central-003.backblazeb2.com', region: 'eu-central-003' }],
    ['Ceph', { endpoint: 'https://rgw.example.com', region: 'default', path_style: true }],
    ['Swift', { endpoint: 'https://swift.example.com', region: 'RegionOne' }],
    ['Google Cloud', { endpoint: 'https://storage.googleapis.com', region: 'auto' }],
  ])('of %s loads as the example shows it', async (name, preset) => {
    expect(
      parse({ default: 'offsite', stores: { offsite: { ...BUCKET, ...preset } } }).stores['offsite'],
    ).toMatchObject({
      type: 's3',
      prefix: 'node1/',
      region: preset.region,
    });
    const example = await readFile(fileURLToPath(new URL('../../config.example.yml', import.meta.url)), 'utf8');
    expect(example).toMatch(new RegExp(`^ +# +${name}`, 'm'));
  });

  test('needs no credentials of its own, but never one without the other', () => {
    const { access_key_id: _, secret_access_key: __, ...bare } = BUCKET;
    expect(parse({ default: 'a', stores: { a: bare } }).stores['a']).toMatchObject({ accessKeyId: null });
    expect(faultsOf({ default: 'a', stores: { a: { ...bare, access_key_id: 'id' } } })).toEqual([
      'storage.stores.a.secret_access_key: is required beside the other credentials',
    ]);
    expect(faultsOf({ default: 'a', stores: { a: { ...bare, session_token: 'token' } } })).toEqual([
      'storage.stores.a.access_key_id: is required beside the other credentials',
    ]);
  });

  test('and prefix belong to one store', () => {
    const stores = { a: BUCKET, b: { ...BUCKET, prefix: '/node1/' }, c: { ...BUCKET, prefix: 'node2' } };
    expect(faultsOf({ default: 'a', stores })).toEqual([
      'storage.stores.b.bucket: is the bucket and prefix of the store a too',
    ]);
  });

  test.each(['4MiB', '6GiB', 0])('takes no parts of %s', (part_size) => {
    expect(faultsOf({ default: 'a', stores: { a: { ...BUCKET, part_size } } })).toEqual([
      'storage.stores.a.part_size: must be a size from 5MiB to 5GiB',
    ]);
  });
});

test('copies go to stores that are there, once, and never to the default one', () => {
  const stores = { local: LOCAL, offsite: BUCKET };
  expect(parse({ copies: ['offsite'], stores }).copies).toEqual(['offsite']);
  expect(faultsOf({ copies: ['offsite', 'offsite', 'local', 'elsewhere'], stores })).toEqual([
    'storage.copies[1]: is named twice',
    'storage.copies[2]: is the default store: every backup lies there already',
    'storage.copies[3]: names no store (local, offsite)',
  ]);
});
