/** Events as jobs publish them, for tests. */
import type { BackupData, EventData, EventType, RoostEvent } from '../../src/jobs/contract.ts';

export const BACKUP_DATA: BackupData = {
  name: 'backup',
  status: 'COMPLETED',
  size: 1000,
  rawSize: 5000,
  sha256: 'ab'.repeat(32),
  files: 3,
  reusedBytes: 100,
  warningCount: 0,
  locked: false,
  store: 'local',
};

export const FAILURE_DATA = { error: { code: 'internal', message: 'Cannot do it' } } as const;

/** What the events of that type carried, in their order. */
export function dataOf<Type extends EventType>(events: readonly RoostEvent[], type: Type): EventData[Type][] {
  return events.filter((event) => event.type === type).map(({ data }) => data as EventData[Type]);
}
