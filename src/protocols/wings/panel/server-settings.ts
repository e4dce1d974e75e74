/** What Roost takes over of a panel's settings of a server: its name, and whether it is suspended. */
import type { BackupService, ServerView } from '../../../jobs/contract.ts';
import type { PanelSettings } from './servers.ts';

const LONGEST_NAME = 255;

/** Writes what differs from `view`, and nothing else: each change is told to everybody who listens. */
export async function applySettings(
  { id, name: shown, suspended: before }: Pick<ServerView, 'id' | 'name' | 'suspended'>,
  settings: PanelSettings,
  service: Pick<BackupService, 'setServer'>,
): Promise<void> {
  const { suspended } = settings;
  const name = nameIn(settings);
  const change = {
    ...(typeof suspended === 'boolean' && suspended !== before ? { suspended } : {}),
    ...(name !== undefined && name !== shown ? { name } : {}),
  };
  if (Object.keys(change).length > 0) await service.setServer(id, change);
}

function nameIn({ meta }: PanelSettings): string | undefined {
  const name = typeof meta === 'object' && meta !== null && 'name' in meta ? meta.name : undefined;
  return typeof name === 'string' && name !== '' ? name.slice(0, LONGEST_NAME) : undefined;
}
