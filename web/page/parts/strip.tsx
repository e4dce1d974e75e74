/** The last fourteen backups of a server: height is size, failed ones are hatched. */
import type { ShownBackup } from '../api/shapes.ts';
import { counted } from '../words/format.ts';

const PLACES = 14;
const [LOWEST, HIGHEST] = [6, 22];

export function Strip({ recent }: { readonly recent: readonly ShownBackup[] }) {
  const largest = Math.max(1, ...recent.map(({ size }) => size));
  const bars = recent.slice(0, PLACES).toReversed();
  const failed = recent.filter(({ status }) => status === 'FAILED').length;
  return (
    <span class="strip" role="img" aria-label={`Last ${counted(recent.length, 'backup')}, ${failed} failed`}>
      {Array.from({ length: PLACES - bars.length }, (_, at) => (
        <i key={at} class="n" />
      ))}
      {bars.map((backup) => (
        <i
          key={backup.id}
          class={toneOf(backup)}
          style={{ height: `${Math.round(LOWEST + (HIGHEST - LOWEST) * Math.sqrt(backup.size / largest))}px` }}
        />
      ))}
    </span>
  );
}

function toneOf({ status, damaged, suspect }: ShownBackup): string {
  if (status === 'FAILED' || damaged === true) return 'f';
  if (status === 'IN_PROGRESS') return 'r';
  return suspect === true ? 'w' : '';
}
