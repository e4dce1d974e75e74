/** A restore that can be taken back, until when, and doing so. */
import { useSignal } from '@preact/signals';
import type { Server } from '../../api/shapes.ts';
import { now } from '../../live/now.ts';
import { may } from '../../live/session.ts';
import { RotateCcw } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { UndoDialog } from '../../parts/undo-dialog.tsx';
import { moment } from '../../words/format.ts';

export function UndoBanner({ server }: { readonly server: Server }) {
  const open = useSignal(false);
  const undo = server.overview?.undo;
  if (undo === undefined) return null;
  return (
    <section class="banner" aria-label="A restore that can be undone">
      <Icon of={RotateCcw} />
      <span class="grow">
        <b>The server was restored.</b> What was there before is kept until {moment(undo.until, now.value)}.
      </span>
      {may('backup.restore') && (
        <button class="b t" type="button" onClick={() => (open.value = true)}>
          Undo the restore…
        </button>
      )}
      {open.value && <UndoDialog server={server.id} backup={undo.backup} onClose={() => (open.value = false)} />}
    </section>
  );
}
