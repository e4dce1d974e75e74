/** A NodeService in memory: answers what a test puts in, and records what it was asked. */
import { Failure } from '../../src/base/failure.ts';
import type { ServerId } from '../../src/base/ids.ts';
import type * as contract from '../../src/jobs/contract.ts';
import { OTHER_SERVER, SERVER } from './scripted-service.ts';

const NOTHING = { newest: null, lastFailure: null, recent: [], locked: 0, damaged: 0, suspect: 0 };

export class ScriptedNode implements contract.NodeService {
  readonly asked: (readonly unknown[])[] = [];
  readonly overviewOf = new Map<ServerId, Partial<contract.ServerOverview>>();
  scheduleViews: contract.ScheduleView[] = [];
  historyView: contract.HistoryView = { attempts: [], more: false };
  nodeView: contract.NodeView = {
    name: 'node-1',
    stores: [],
    retention: { keepLast: 0, keepDays: 0, keepDaily: 0, keepWeekly: 0, keepMonthly: 0 },
    limits: { perServer: 0, maxSize: 0, serverBytes: 0 },
    verification: { everyDays: 30 },
  };

  theReport: contract.NodeReport = { name: 'node-1', at: 0, healthy: true, servers: [], stores: [] };

  async overviews(servers: readonly ServerId[]): Promise<contract.ServerOverview[]> {
    this.asked.push(['overviews', servers]);
    return servers.map((server) => ({
      ...NOTHING,
      server,
      next: null,
      lateSeconds: null,
      limits: { backups: { used: 0, most: 0 }, bytes: { used: 0, most: 0 }, maxSize: 0 },
      undo: null,
      problems: [],
      ...this.overviewOf.get(server),
    }));
  }

  async schedules(): Promise<contract.ScheduleView[]> {
    this.asked.push(['schedules']);
    return this.scheduleViews;
  }

  async node(): Promise<contract.NodeView> {
    this.asked.push(['node']);
    return this.nodeView;
  }

  readonly followers: (readonly [contract.ExtraEvents, (event: contract.ExtraEvent) => void])[] = [];

  async report(holds: (server: ServerId) => boolean): Promise<contract.NodeReport> {
    this.asked.push(['report']);
    return { ...this.theReport, servers: this.theReport.servers.filter(({ server }) => holds(server)) };
  }

  follow(which: contract.ExtraEvents, listener: (event: contract.ExtraEvent) => void): () => void {
    const own = [which, listener] as const;
    this.followers.push(own);
    return () => void this.followers.splice(this.followers.indexOf(own), 1);
  }

  async history(server: ServerId, days: number): Promise<contract.HistoryView> {
    this.asked.push(['history', server, days]);
    if (![SERVER, OTHER_SERVER].includes(server))
      throw new Failure('server_not_found', `No directory is named ${server}`);
    return this.historyView;
  }
}
