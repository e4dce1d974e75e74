/**
 * Faults around the S3 report of Calagopus, by a seed: answers that are cut, late or repeated, a storage that refuses to
 * complete, a daemon that is killed. The panel takes every report anew (P …/remote/backups/_backup_/mod.rs).
 */
import { silentLog } from '../../../src/base/log/log.ts';
import { Failure } from '../../../src/base/failure.ts';
import { ReportOutbox } from '../../../src/jobs/report/outbox.ts';
import type {
  BackupReport,
  DeliveryVerdict,
  PanelPort,
  ReportedUpload,
  UploadState,
} from '../../../src/jobs/report/panel.ts';
import { reportSteps, type SendAgain } from '../../../src/jobs/report/steps.ts';
import { ManualTime } from '../../support/manual-time.ts';
import { backupId, scratchCatalogue, serverId, testNode } from '../../support/node.ts';

const FIRST_ETAG = '"x"';
const DELIVERED: DeliveryVerdict = { kind: 'delivered' };

/** A panel and its storage as they are in truth, beside what the node gets to hear. */
class FaultyPanel implements PanelPort {
  row: 'unfinished' | 'good' | 'failed' = 'unfinished';
  upload: 'open' | 'completed' = 'open';
  /** Of the last part; a storage that encrypts gives another one each time. */
  etag = FIRST_ETAG;
  readonly #pick: (below: number) => number;
  #faults: number;

  constructor(pick: (below: number) => number, faults: number) {
    this.#pick = pick;
    this.#faults = faults;
  }

  #strikes(): boolean {
    return this.#faults > 0 && this.#pick(2) === 0 && this.#faults-- > 0;
  }

  async reportBackup({ successful, parts }: BackupReport): Promise<DeliveryVerdict> {
    const away = new Failure('store_unreachable', 'cut', { retry: true });
    if (this.#strikes()) return { kind: 'retry', failure: away };
    if (!successful) this.row = 'failed';
    else if (this.upload === 'completed') this.row = 'failed';
    else if (this.#strikes() || parts?.at(-1)?.etag !== this.etag) this.row = 'failed';
    else {
      this.upload = 'completed';
      this.row = 'good';
    }
    return this.#strikes() ? { kind: 'retry', failure: away } : DELIVERED;
  }

  async uploadState({ parts, sendLastAgain }: ReportedUpload, signal: AbortSignal): Promise<UploadState> {
    if (this.#strikes()) throw new Failure('store_unreachable', 'timed out', { retry: true });
    if (parts >= 9999) return sendLastAgain('https://storage.test/last', signal);
    return this.upload === 'open' ? 'open' : 'closed';
  }

  /** The storage, where the last part is sent again. */
  sendAgain: SendAgain = async (_, { partNumber }) => {
    if (this.upload !== 'open') return undefined;
    this.etag = `"${partNumber}-${this.#pick(1_000_000)}"`;
    if (this.#strikes()) throw new Failure('store_unreachable', 'cut after the part was taken', { retry: true });
    return this.etag;
  };

  reportRestore = () => Promise.resolve(DELIVERED);
  reportDeletion = () => Promise.resolve(DELIVERED);
  partUrls = () => Promise.reject(new Error('not asked for'));
}

export interface Outcome {
  readonly row: FaultyPanel['row'];
  readonly upload: FaultyPanel['upload'];
  /** The step at which the node is; undefined when nothing is owed. */
  readonly step: string | undefined;
}

/** @returns how each of `runs` reports ended, of uploads of so many parts. */
export async function injectFaults(runs: number, seed: number, parts = 1): Promise<readonly Outcome[]> {
  let state = seed;
  const pick = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const time = new ManualTime();
  const catalogue = await scratchCatalogue(time);
  const { events } = await testNode({ catalogue, clock: time });
  const ends: Outcome[] = [];
  for (let run = 1; run <= runs; run++) {
    const panel = new FaultyPanel(pick, pick(6));
    const good = { successful: true, sha256: 'ab'.repeat(32), size: 7, files: 1 };
    const about = { job: backupId(run) as never, server: serverId(1), backup: backupId(run), askedAt: time.now() };
    const data = { upload: true, parts: partsUpTo(parts) };
    const { id } = catalogue.deliveries.insert({
      ...about,
      ...good,
      kind: 'backup',
      step: 'report',
      data,
      dueAt: time.now(),
      giveUpAt: time.now() + 1e12,
    });
    const step = (): string | undefined => catalogue.deliveries.find(id)?.step;
    for (let tries = 0; tries < 30 && step() === 'report'; tries++) {
      const steps = reportSteps({ panel, catalogue, clock: time, sendAgain: panel.sendAgain });
      const lane = new ReportOutbox({
        catalogue,
        steps,
        events,
        clock: time,
        timers: time,
        random: () => 0.5,
        log: silentLog(),
      });
      lane.start();
      // Killed at once, or after what is under way: its row is not advanced then.
      if (pick(3) > 0) await lane.settled();
      await lane.close();
      time.advance(3_600_000);
    }
    ends.push({ row: panel.row, upload: panel.upload, step: step() });
    catalogue.deliveries.delete(id);
  }
  return ends;
}

function partsUpTo(count: number) {
  return Array.from({ length: count }, (_, index) => ({ partNumber: index + 1, etag: FIRST_ETAG }));
}
