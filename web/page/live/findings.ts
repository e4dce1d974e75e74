/** What the doctor finds, for the health view and the count beside its name. */
import { signal } from '@preact/signals';
import { answer, api } from '../api/client.ts';
import type { Finding } from '../api/shapes.ts';
import { may } from './session.ts';

export const findings = signal<readonly Finding[]>([]);

/** @throws ApiFailure as the call does. */
export async function examine(): Promise<readonly Finding[]> {
  if (!may('node.read')) return [];
  const { findings: found } = await answer(api.GET('/api/doctor'));
  findings.value = found;
  return found;
}
