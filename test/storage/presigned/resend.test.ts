/** Whether an upload is open, by sending its last part once more: it changes nothing, and says what is there. */
import { describe, expect, test } from 'vitest';
import { sendPartAgain } from '../../../src/storage/presigned/resend.ts';
import { memoryUploads } from '../../support/panel/uploads.ts';
import { memorySource } from '../../support/scripted-service.ts';
import { randomBytes } from '../../support/random-bytes.ts';
import { failureOf } from '../../support/rejection.ts';
import { StillClock } from '../../support/still-clock.ts';

const NEVER = new AbortController().signal;
const KEY = 'server/backup.tar.gz';
const ARCHIVE = randomBytes(1000, 4);

async function scene() {
  const uploads = await memoryUploads();
  const id = await uploads.begin(KEY);
  const part = {
    url: uploads.partUrl(KEY, id, 3),
    source: memorySource(ARCHIVE),
    partNumber: 3,
    partSize: 400,
    rate: () => 0,
    clock: new StillClock(),
  };
  return { uploads, id, part };
}

describe('the last part, sent again,', () => {
  test('keeps its ETag in an open upload, which is completed with it; then it is refused', async () => {
    const { uploads, id, part } = await scene();
    const etag = await sendPartAgain(part, NEVER);
    expect(await sendPartAgain(part, NEVER)).toBe(etag);
    await uploads.complete(KEY, id, [{ partNumber: 3, etag: etag ?? '' }]);
    expect(uploads.objects.get(KEY)).toEqual(Buffer.from(ARCHIVE.subarray(800)));
    expect(await sendPartAgain(part, NEVER)).toBeUndefined();
  });

  test.each([403, 500, 503])('says nothing where the storage answers %d', async (status) => {
    const { uploads, part } = await scene();
    uploads.fault = () => status;
    expect((await failureOf(sendPartAgain(part, NEVER), 'store_unreachable')).retry).toBe(true);
  });

  test.each(['reset', 'half'] as const)('says nothing where the connection is cut (%s)', async (fault) => {
    const { uploads, part } = await scene();
    uploads.fault = () => fault;
    await failureOf(sendPartAgain(part, NEVER), 'store_unreachable');
  });

  test.each([
    ['it is not the last one', { partSize: 300 }],
    ['its archive has fewer', { partSize: 500 }],
    ['it is not known how the archive was cut', { partSize: 0 }],
    ['its place is no URL', { url: 'somewhere' }],
    ['its place is a file', { url: 'file:///etc/passwd' }],
  ])('is not sent when %s', async (_, other) => {
    const { uploads, part } = await scene();
    await failureOf(sendPartAgain({ ...part, ...other }, NEVER), 'store_unreachable');
    expect(uploads.requests).toEqual([]);
  });
});
