/** What operators see of the reports that the panel is owed, and what they may do about them. */
import { Failure } from '../../base/failure.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { DeliveryView } from '../contract.ts';
import type { ReportOutbox } from './outbox.ts';

export interface OwedReports {
  readonly catalogue: Pick<Catalogue, 'deliveries'>;
  /** Absent on a node without a panel that takes reports. */
  readonly reports?: Pick<ReportOutbox, 'retry' | 'wake'> | undefined;
}

export function viewDeliveries({ catalogue }: OwedReports): readonly DeliveryView[] {
  return catalogue.deliveries.list().map((record) => {
    const { data: _, ...view } = record;
    return view;
  });
}

/** @throws Failure `invalid_request` on a node without a panel that takes reports. */
export function retryDeliveries({ reports }: OwedReports, id: number | undefined): number {
  if (reports !== undefined) return reports.retry(id);
  throw new Failure('invalid_request', 'Cannot report to the panel: this node has none that takes reports', {
    hint: 'Set panel in the config, and restart.',
  });
}

/** @throws Failure `invalid_request` when there is no such report. */
export function dropDelivery({ catalogue: { deliveries } }: OwedReports, id: number): void {
  if (deliveries.find(id) === undefined) {
    throw new Failure('invalid_request', `Cannot drop the report ${id}: there is none of that number`);
  }
  deliveries.delete(id);
}

/** For the state of the node; nothing of it without a panel. */
export function countDeliveries({ catalogue, reports }: OwedReports) {
  return reports === undefined ? {} : { deliveries: catalogue.deliveries.counts() };
}
