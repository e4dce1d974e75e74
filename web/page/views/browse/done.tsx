/** What a restore has done, and the way back. */
import { useSignal } from '@preact/signals';
import type { Ended } from '../../live/ended.ts';
import { now } from '../../live/now.ts';
import { to } from '../../live/router.ts';
import { CircleAlert, ShieldCheck } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { UndoDialog } from '../../parts/undo-dialog.tsx';
import { bytes, counted, duration, moment } from '../../words/format.ts';

interface DoneProps {
  readonly server: string;
  readonly backup: string;
  readonly result: Ended;
  readonly onClose: () => void;
}

export function Done({ server, backup, result: { result, warnings }, onClose }: DoneProps) {
  const undoing = useSignal(false);
  const undone = useSignal(false);
  const { undoUntil } = result;
  const warningCount = Number(result['warningCount'] ?? 0);
  if (undone.value) return <Undone server={server} onClose={onClose} />;
  return (
    <>
      <header class="head">
        <h2>Restored</h2>
      </header>
      <div class="pad" role="status">
        <span class="st ok long">
          <Icon of={ShieldCheck} small />
          {summaryOf(result)}
        </span>
        {warningCount > 0 && (
          <div class="small">
            <span class="st warn">
              <Icon of={CircleAlert} small />
              {counted(warningCount, 'warning')}
            </span>
            {warnings.length === 0 && <p>What they say was told while this page was not connected.</p>}
            {warnings.slice(0, 20).map(({ path, message }, at) => (
              <p key={at}>
                <bdi class="mono">{path}</bdi> {message}
              </p>
            ))}
          </div>
        )}
        {undoUntil !== undefined && (
          <p class="small muted">
            What was there before is kept until {moment(String(undoUntil), now.value)}. Until then the server’s page can
            undo it, too.
          </p>
        )}
        <div class="bs">
          <a class="b p" href={to.server(server)}>
            To the server
          </a>
          {undoUntil !== undefined && (
            <button class="b" type="button" onClick={() => (undoing.value = true)}>
              Undo…
            </button>
          )}
          <button class="b" type="button" onClick={onClose}>
            Restore more
          </button>
        </div>
        {undoing.value && (
          <UndoDialog
            server={server}
            backup={backup}
            onClose={() => (undoing.value = false)}
            onDone={() => ([undoing.value, undone.value] = [false, true])}
          />
        )}
      </div>
    </>
  );
}

/** In numbers, where the daemon has kept them: one that was stopped meanwhile and started again knows the end alone. */
function summaryOf({ files, bytes: size, removed, seconds }: Ended['result']): string {
  if (files === undefined) return 'It is put back.';
  const parts = [`${counted(Number(files), 'file')}, ${bytes(Number(size ?? 0))} put back`];
  if (Number(removed ?? 0) > 0) parts.push(`${counted(Number(removed), 'file')} removed`);
  if (seconds !== undefined) parts.push(`in ${duration(Number(seconds) * 1000)}`);
  return `${parts.join(', ')}.`;
}

function Undone({ server, onClose }: Pick<DoneProps, 'server' | 'onClose'>) {
  return (
    <>
      <header class="head">
        <h2>Undone</h2>
      </header>
      <div class="pad" role="status">
        <p>What was there before the restore is back.</p>
        <div class="bs">
          <a class="b p" href={to.server(server)}>
            To the server
          </a>
          <button class="b" type="button" onClick={onClose}>
            Restore something else
          </button>
        </div>
      </div>
    </>
  );
}
