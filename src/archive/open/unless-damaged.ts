import { Failure } from '../../base/failure.ts';

/** Undefined for what is damaged, such as an index: the archive may be read without it. @throws any other failure. */
export async function unlessDamaged<Found>(open: () => Promise<Found>): Promise<Found | undefined> {
  try {
    return await open();
  } catch (error) {
    if (error instanceof Failure && error.code === 'archive_damaged') return undefined;
    throw error;
  }
}
