/** The node's views in the native API's form, field by field. */
import type { z } from '@hono/zod-openapi';
import { isoDate } from '../../../base/clock.ts';
import { wireText } from '../../../base/files/paths.ts';
import type { ShownBackup } from '../../../catalogue/contract.ts';
import type {
  HistoryView,
  NodeReport,
  NodeView,
  Problem,
  ScheduleView,
  ServerOverview,
} from '../../../jobs/contract.ts';
import { originObject } from '../views.ts';
import type {
  AttemptObject,
  OverviewObject,
  ProblemObject,
  ReportObject,
  ScheduleObject,
  ShownBackupObject,
  UsageObject,
} from './schemas.ts';

export function overviewObject(view: ServerOverview): z.infer<typeof OverviewObject> {
  const { newest, lastFailure, undo, next, lateSeconds, limits } = view;
  return {
    newest: newest === null ? undefined : shownBackup(newest),
    lastFailure: lastFailure === null ? undefined : { ...shownBackup(lastFailure), failures: lastFailure.failures },
    next: next === null ? undefined : isoDate(next),
    lateSeconds: lateSeconds ?? undefined,
    limits: { backups: { ...limits.backups }, bytes: { ...limits.bytes }, maxSize: limits.maxSize },
    locked: view.locked,
    damaged: view.damaged,
    suspect: view.suspect,
    recent: view.recent.map(shownBackup),
    undo: undo === null ? undefined : { backup: undo.backup, until: isoDate(undo.until) },
    problems: view.problems.map(problemObject),
  };
}

function problemObject({ code, message, hint, backup, since }: Problem): z.infer<typeof ProblemObject> {
  return { code, message: wireText(message), hint, backup, since: since === undefined ? undefined : isoDate(since) };
}

function shownBackup(view: ShownBackup): z.infer<typeof ShownBackupObject> {
  const { id, status, size, rawSize, files, reusedBytes, error, named, completedAt } = view;
  return {
    id,
    name: wireText(view.name),
    status,
    isLocked: view.locked,
    size,
    rawSize,
    files,
    reusedBytes,
    createdAt: isoDate(view.createdAt),
    completedAt: completedAt === null ? undefined : isoDate(completedAt),
    seconds: secondsBetween(view.startedAt, completedAt),
    origin: originObject(view.origin),
    named,
    damaged: view.damaged ? true : undefined,
    suspect: view.suspect ? true : undefined,
    error: error === null ? undefined : { code: error.code, message: wireText(error.message), hint: error.hint },
  };
}

export function usageObject(view: NodeView): z.infer<typeof UsageObject> {
  const { name, retention, limits, verification } = view;
  return {
    name,
    stores: view.stores.map((store) => ({
      name: store.name,
      type: store.type,
      default: store.isDefault,
      freeBytes: store.freeBytes,
      totalBytes: store.totalBytes,
      usedBytes: store.usedBytes,
      storedBytes: store.vault?.storedBytes,
      backups: store.backups,
      reserveBytes: store.reserveBytes,
      growthPerDay: store.growthPerDay,
      fullAt: store.fullAt === null ? null : isoDate(store.fullAt),
      copies: { ...store.copies },
      error: store.error,
    })),
    retention: { ...retention },
    limits: { ...limits },
    verification: { ...verification },
  };
}

/** @param holds which servers may be named. */
export function reportObject({ name, at, healthy, servers, stores }: NodeReport): z.infer<typeof ReportObject> {
  const date = (time: number | null): string | null => (time === null ? null : isoDate(time));
  return {
    name,
    at: isoDate(at),
    healthy,
    servers: servers.map((row) => ({
      server: row.server,
      name: wireText(row.name),
      newest: row.newest && { id: row.newest.id, createdAt: isoDate(row.newest.createdAt) },
      ageSeconds: row.ageSeconds,
      next: date(row.next),
      lateSeconds: row.lateSeconds,
      verifiedAt: date(row.verifiedAt),
      problems: [...row.problems],
    })),
    stores: [...stores],
  };
}

/** @param holds says which servers the caller may see; only those are named. */
export function scheduleObject(
  view: ScheduleView,
  holds: (server: ScheduleView['servers'][number]) => boolean,
): z.infer<typeof ScheduleObject> {
  const { server, cron, timezone, ignore, whenMissed, next, last, missed } = view;
  return {
    server,
    servers: view.servers.filter(holds),
    cron,
    timezone,
    ignore: ignore.map(wireText),
    whenMissed,
    next: next.map(isoDate),
    last: last === null ? undefined : { ...last, at: isoDate(last.at) },
    missed:
      missed === null
        ? undefined
        : { times: missed.times, since: isoDate(missed.since), noticedAt: isoDate(missed.noticedAt) },
  };
}

export function attemptObject(view: HistoryView['attempts'][number]): z.infer<typeof AttemptObject> {
  const { backup, status, code, store, size, rawSize, files, reusedBytes } = view;
  return {
    backup,
    status,
    code: code ?? undefined,
    store,
    size,
    rawSize,
    files,
    reusedBytes,
    origin: originObject(view.origin),
    createdAt: isoDate(view.createdAt),
    seconds: secondsBetween(view.startedAt, view.endedAt),
    endedAt: isoDate(view.endedAt),
    goneAt: view.goneAt === null ? undefined : isoDate(view.goneAt),
  };
}

function secondsBetween(from: number | null, to: number | null): number | undefined {
  return from === null || to === null ? undefined : Math.max(0, (to - from) / 1000);
}
