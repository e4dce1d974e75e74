/** Backups that a panel keeps: uploaded, reported, and only then removed here, whatever fails in between. */
import { createHash } from 'node:crypto';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import { CopyQueue } from '../../../src/jobs/copy/copies.ts';
import { ReportOutbox } from '../../../src/jobs/report/outbox.ts';
import { reportSteps } from '../../../src/jobs/report/steps.ts';
import { sendingAgain, uploadSteps } from '../../../src/jobs/report/upload.ts';
import type { BackupReport, DeliveryVerdict, PanelPort } from '../../../src/jobs/report/panel.ts';
import { eventually } from '../../support/eventually.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { LyingStore } from '../../support/lying-store.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import {
  backUp,
  backupId,
  gate,
  milestones,
  type NodeOptions,
  outcome,
  SERVER,
  testNode,
  type TestNode,
} from '../../support/node.ts';
import { memoryUploads, type MemoryUploads } from '../../support/panel/uploads.ts';
import { failureOf } from '../../support/rejection.ts';
import { hastyRetry } from '../../support/s3-store.ts';

const HOUR = 3_600_000;
/** A few parts even of the small archives here. */
const PART = 80;
const BACKUP = backupId(1);
const KEY = `${SERVER}/${BACKUP}.tar.gz`;
const DELIVERED: DeliveryVerdict = { kind: 'delivered' };

function away(status?: number): Failure {
  const detail = { httpStatus: status };
  return new Failure('store_unreachable', 'Cannot tell the panel: it is away', { retry: true, detail });
}

/** A panel as it stands behind its client: it begins uploads, completes the newest, and knows what it has completed. */
class PanelDouble implements PanelPort {
  readonly uploads: MemoryUploads;
  readonly begun: string[] = [];
  readonly reports: BackupReport[] = [];
  completed = 0;
  /** In the panel's place, when it gives something. */
  onPlaces: () => Failure | undefined = () => undefined;
  onReport: (report: BackupReport) => DeliveryVerdict | undefined = () => undefined;

  constructor(uploads: MemoryUploads) {
    this.uploads = uploads;
  }

  async partUrls(_: string, size: number): Promise<{ parts: readonly string[]; partSize: number }> {
    const failure = this.onPlaces();
    if (failure !== undefined) throw failure;
    const id = await this.uploads.begin(KEY);
    this.begun.push(id);
    const numbers = Array.from({ length: Math.ceil(size / PART) }, (_, index) => index + 1);
    return { parts: numbers.map((number) => this.uploads.partUrl(KEY, id, number)), partSize: PART };
  }

  async reportBackup(report: BackupReport): Promise<DeliveryVerdict> {
    this.reports.push(report);
    const answer = this.onReport(report);
    if (answer !== undefined || !report.successful) return answer ?? DELIVERED;
    // What the panel's client makes of "already completed".
    if (this.completed > 0) return DELIVERED;
    try {
      await this.uploads.complete(KEY, this.begun.at(-1) ?? '', report.parts);
    } catch {
      return { kind: 'retry', failure: away(500) };
    }
    this.completed++;
    return DELIVERED;
  }

  uploadState = () => Promise.resolve('unknown' as const);
  reportRestore = () => Promise.resolve(DELIVERED);
  reportDeletion = () => Promise.resolve(DELIVERED);
}

async function scene(options: NodeOptions = {}) {
  const time = new ManualTime();
  const node = await testNode({ clock: time, ...options });
  const panel = new PanelDouble(await memoryUploads());
  const begin = (): ReportOutbox => {
    const { catalogue, stores, events, deleteBackup: remove } = node;
    const shared = { panel, catalogue, stores, events, clock: time, remove, uploadRate: () => 0, retry: hastyRetry };
    const steps = [...uploadSteps(shared), ...reportSteps({ ...shared, sendAgain: sendingAgain(shared) })];
    const lane = new ReportOutbox({ ...shared, steps, timers: time, random: () => 0.999, log: silentLog() });
    onTestFinished(() => lane.close());
    lane.start();
    return lane;
  };
  return { ...node, time, panel, begin };
}

type Scene = Awaited<ReturnType<typeof scene>>;

async function make({ service }: Pick<TestNode, 'service'>): Promise<Buffer> {
  const accepted = await service.create({ server: SERVER, id: BACKUP, report: true, upload: 'panel' });
  await accepted.ended;
  return Buffer.from(`archive of /srv/${SERVER} `.repeat(4));
}

/** Everything that is owed has been done, or waits for its time. */
async function settle({ time }: Scene, lane: ReportOutbox, milliseconds = 0): Promise<void> {
  await lane.settled();
  for (let left = milliseconds; left > 0; left -= 30_000) {
    time.advance(Math.min(30_000, left));
    await lane.settled();
  }
}

function isHere({ catalogue, memory }: Scene): boolean {
  const row = catalogue.backups.find(BACKUP) !== undefined;
  expect(memory.objects.size, 'the row and the archive go together').toBe(row ? 3 : 0);
  return row;
}

describe('a backup that goes to the panel', () => {
  it('is uploaded, then reported with the parts that the panel knows, then removed here', async () => {
    const node = await scene();
    const { panel, catalogue } = node;
    const archive = await make(node);
    const lane = node.begin();
    await settle(node, lane);
    expect(panel.uploads.objects.get(KEY)?.equals(archive)).toBe(true);
    const [report] = panel.reports;
    expect(panel.reports).toHaveLength(1);
    expect(report).toMatchObject({
      successful: true,
      size: archive.byteLength,
      sha256: createHash('sha256').update(archive).digest('hex'),
    });
    expect(report?.parts).toHaveLength(Math.ceil(archive.byteLength / PART));
    for (const { etag } of report?.parts ?? []) expect(etag).toMatch(/^"[0-9a-f]{32}"$/);
    expect(isHere(node)).toBe(false);
    expect(catalogue.deliveries.list()).toEqual([]);
    expect(milestones(node)).toEqual(['backup.started', 'backup.completed', 'backup.deleted']);
  });

  it('stays here for as long as the panel is away, and is told once when it is back', async () => {
    const node = await scene();
    const { panel } = node;
    panel.onPlaces = () => away();
    await make(node);
    const lane = node.begin();
    await settle(node, lane, 6 * HOUR);
    expect(isHere(node)).toBe(true);
    expect(panel.reports).toEqual([]);
    panel.onPlaces = () => undefined;
    await settle(node, lane, HOUR);
    expect([panel.completed, panel.begun.length, isHere(node)]).toEqual([1, 1, false]);
  });

  it('is not uploaded again for a report that does not get through', async () => {
    const node = await scene();
    const { panel } = node;
    panel.onReport = () => ({ kind: 'retry', failure: away(503) });
    await make(node);
    const lane = node.begin();
    await settle(node, lane, 6 * HOUR);
    expect(isHere(node)).toBe(true);
    panel.onReport = () => undefined;
    await settle(node, lane, HOUR);
    expect([panel.completed, panel.begun.length, isHere(node)]).toEqual([1, 1, false]);
  });

  it('is reported by the next run with the parts of the last', async () => {
    const node = await scene();
    const { panel } = node;
    panel.onReport = () => ({ kind: 'retry', failure: away() });
    const archive = await make(node);
    const first = node.begin();
    await settle(node, first);
    await first.close();
    panel.onReport = () => undefined;
    await settle(node, node.begin());
    expect([panel.completed, panel.begun.length, isHere(node)]).toEqual([1, 1, false]);
    expect(panel.uploads.objects.get(KEY)?.equals(archive)).toBe(true);
  });

  it('is uploaded anew by the next run when the last one ended half-way', async () => {
    const node = await scene();
    const { panel } = node;
    const { reached, pass } = gate();
    const reading = node.memory.open.bind(node.memory);
    node.memory.open = async (key) => {
      const source = await reading(key);
      const read = async (offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> => {
        if (offset >= PART) await Promise.race([pass(), aborted(signal)]);
        return source.read(offset, length, signal);
      };
      return { size: source.size, read, close: () => source.close() };
    };
    const archive = await make(node);
    const first = node.begin();
    await reached;
    await first.close();
    expect(isHere(node)).toBe(true);
    node.memory.open = reading;
    await settle(node, node.begin());
    expect([panel.completed, panel.begun.length, isHere(node)]).toEqual([1, 2, false]);
    expect(panel.uploads.objects.get(KEY)?.equals(archive)).toBe(true);
  });

  it('is told once in effect when the answer to its report was lost', async () => {
    const node = await scene();
    const { panel } = node;
    let lost = 0;
    const take = panel.reportBackup.bind(panel);
    panel.reportBackup = async (report) => {
      const verdict = await take(report);
      return lost++ === 0 ? { kind: 'retry', failure: away() } : verdict;
    };
    await make(node);
    await settle(node, node.begin(), 60_000);
    expect([panel.completed, panel.reports.length, isHere(node)]).toEqual([1, 2, false]);
  });

  it('is uploaded anew when the storage has let the upload go', async () => {
    const node = await scene();
    const { panel } = node;
    const archive = await make(node);
    panel.onReport = () => {
      panel.onReport = () => undefined;
      void panel.uploads.abort(KEY, panel.begun[0] ?? '');
      return undefined;
    };
    await settle(node, node.begin(), HOUR);
    expect([panel.completed, panel.begun.length, isHere(node)]).toEqual([1, 2, false]);
    expect(panel.uploads.objects.get(KEY)?.equals(archive)).toBe(true);
  });

  it('goes in spite of a part that is cut and a storage that is busy, as the archive that it is', async () => {
    const node = await scene();
    const { panel } = node;
    panel.uploads.fault = ({ partNumber, attempt }) =>
      partNumber === 2 ? (['half', 503, 503, 'reset'] as const)[attempt - 1] : undefined;
    const archive = await make(node);
    await settle(node, node.begin());
    expect(panel.uploads.objects.get(KEY)?.equals(archive)).toBe(true);
    expect([panel.completed, panel.begun.length]).toEqual([1, 1]);
  });
});

describe('a panel that gives no URLs', () => {
  const unknown = (): Failure =>
    new Failure('backup_not_found', 'Cannot ask: 404', { retry: true, detail: { httpStatus: 404 } });
  const conflict = (): Failure => new Failure('store_unreachable', 'Cannot ask: 409', { detail: { httpStatus: 409 } });

  it('because it has not committed yet is asked again', async () => {
    const node = await scene();
    const { panel } = node;
    let asked = 0;
    panel.onPlaces = () => (asked++ < 3 ? unknown() : undefined);
    await make(node);
    await settle(node, node.begin(), 240_000);
    expect([panel.completed, isHere(node)]).toEqual([1, false]);
  });

  it.each([
    ['does not know it, minutes later', unknown],
    ['says that it has ended', conflict],
  ])('because it %s is left to somebody who looks; the archive stays', async (_, refusal) => {
    const node = await scene();
    node.panel.onPlaces = refusal;
    await make(node);
    await settle(node, node.begin(), HOUR);
    expect(node.catalogue.deliveries.counts()).toEqual({ pending: 0, parked: 1 });
    expect(isHere(node)).toBe(true);
  });

  it('because what was uploaded before is complete already is told so', async () => {
    const node = await scene();
    const { panel, catalogue } = node;
    await make(node);
    const [delivery] = catalogue.deliveries.list();
    catalogue.deliveries.advance(delivery?.id ?? 0, 'upload', { parts: [{ partNumber: 1, etag: '"a"' }] }, 0);
    panel.completed = 1;
    panel.onPlaces = conflict;
    await settle(node, node.begin());
    expect([panel.reports.length, isHere(node)]).toEqual([1, false]);
  });
});

describe('a backup that changes while it waits for the panel', () => {
  it('is reported as failed when it was deleted before its upload', async () => {
    const node = await scene();
    const { panel, service } = node;
    await make(node);
    await service.discard(SERVER, BACKUP);
    await settle(node, node.begin());
    expect(panel.reports).toMatchObject([{ successful: false, parts: null }]);
    expect(panel.begun).toEqual([]);
  });

  it('is reported as failed when it was deleted in the middle of its upload, which ends', async () => {
    const node = await scene();
    const { panel, service, catalogue } = node;
    const { reached, open, pass } = gate();
    const reading = node.memory.open.bind(node.memory);
    node.memory.open = async (key) => {
      const source = await reading(key);
      const read = async (offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array> => {
        await Promise.race([pass(), aborted(signal)]);
        return source.read(offset, length);
      };
      return { size: source.size, read, close: () => source.close() };
    };
    await make(node);
    const lane = node.begin();
    await reached;
    await service.discard(SERVER, BACKUP);
    await settle(node, lane);
    open();
    expect(panel.reports).toMatchObject([{ successful: false, parts: null }]);
    expect([panel.completed, catalogue.deliveries.list()]).toEqual([0, []]);
  });

  it('stays when it was locked meanwhile; the panel has it all the same', async () => {
    const node = await scene();
    await make(node);
    await node.service.setLocked(SERVER, BACKUP, true);
    await settle(node, node.begin());
    expect([node.panel.completed, isHere(node)]).toEqual([1, true]);
    expect(node.catalogue.deliveries.list()).toEqual([]);
  });

  it('is removed later when its store is away just then', async () => {
    const node = await scene();
    const { panel, memory } = node;
    await make(node);
    panel.onReport = () => {
      memory.reachable = false;
      return undefined;
    };
    const lane = node.begin();
    await settle(node, lane, 60_000);
    expect(isHere(node)).toBe(true);
    expect(node.catalogue.deliveries.list()).toMatchObject([{ step: 'remove', withdrawn: false }]);
    memory.reachable = true;
    await settle(node, lane, HOUR);
    expect([panel.reports.length, isHere(node)]).toEqual([1, false]);
  });

  it('is not uploaded when it was found damaged', async () => {
    const node = await scene();
    await make(node);
    node.catalogue.backups.markDamaged(BACKUP);
    await settle(node, node.begin());
    expect(node.panel.begun).toEqual([]);
    expect(node.catalogue.deliveries.counts()).toEqual({ pending: 0, parked: 1 });
  });

  it('is not uploaded, nor removed here, when its archive is not the one that was made', async () => {
    const near = new LyingStore(new MemoryStore('local'));
    const node = await scene({ stores: [near] });
    await make(node);
    near.lies.flipAt = 3;
    await settle(node, node.begin());
    expect([node.panel.begun, node.panel.reports]).toEqual([[], []]);
    expect(node.catalogue.backups.find(BACKUP)).toBeDefined();
    expect(node.catalogue.deliveries.list()).toMatchObject([{ error: { code: 'archive_damaged' } }]);
    expect(node.catalogue.deliveries.counts()).toEqual({ pending: 0, parked: 1 });
  });

  it('is reported without an upload when it failed or was cancelled', async () => {
    const node = await scene();
    const { archive, service, panel } = node;
    archive.beforePiece = () => Promise.reject(new Failure('internal', 'Cannot write'));
    const accepted = await service.create({ server: SERVER, id: BACKUP, report: true, upload: 'panel' });
    expect(await outcome(accepted)).toBe('internal');
    await settle(node, node.begin());
    expect(panel.reports).toMatchObject([{ successful: false, sha256: null, parts: null }]);
    expect(panel.begun).toEqual([]);
  });
});

describe('the other rules of the node', () => {
  it('let it take no place of a backup that stays', async () => {
    const node = await scene({ retention: { keepLast: 1 } });
    const mine = await backUp(node);
    node.time.advance(1000);
    await make(node);
    const { backups } = await node.service.retention(SERVER);
    expect(backups.map(({ backup, reasons }) => [backup.id, reasons.length > 0])).toEqual([[mine, true]]);
  });

  it('make no copies of it', async () => {
    const further = new MemoryStore('further');
    const near = new MemoryStore();
    const node = await scene({ store: near, stores: [near, further] });
    const storage = { copies: ['further'] };
    const copies = new CopyQueue({
      ...node,
      config: { ...node.config, storage },
      verifyAgain: () => Promise.resolve(),
    });
    onTestFinished(() => copies.close());
    copies.start();
    await make(node);
    const mine = await backUp(node);
    await eventually(() => node.catalogue.copies.list({ state: 'completed' }).length === 1);
    expect(node.catalogue.copies.list().map(({ backup }) => backup)).toEqual([mine]);
    expect([...further.objects.keys()].filter((key) => key.includes(BACKUP))).toEqual([]);
  });

  it('refuse a second backup of that id until the panel has the first', async () => {
    const node = await scene();
    await make(node);
    const again = node.service.create({ server: SERVER, id: BACKUP, report: true, upload: 'panel' });
    await failureOf(again, 'backup_exists');
  });
});

function aborted(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const stop = (): void => reject(new Failure('cancelled', 'Cannot read: it was cancelled'));
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, { once: true });
  });
}
