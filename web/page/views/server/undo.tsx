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
  /** The backup whose restore is to be undone. The dialog stays while it is: the banner goes as soon as the undo begins. */
  const asked = useSignal<string | undefined>(undefined);
  const undo = server.overview?.undo;
  return (
    <>
      {undo !== undefined && (
        <section class="banner" aria-label="A restore that can be undone">
          <Icon of={RotateCcw} />
          <span class="grow">
            <b>The server was restored.</b> What was there before is kept until {moment(undo.until, now.value)}.
          </span>
          {may('backup.restore') && (
            <button class="b t" type="button" onClick={() => (asked.value = undo.backup)}>
              Undo the restore…
            </button>
          )}
        </section>
      )}
      {asked.value !== undefined && (
        <UndoDialog server={server.id} backup={asked.value} onClose={() => (asked.value = undefined)} />
      )}
    </>
  );
}
