/**
 * One file of a backup, shown: text as text, and pictures of few kinds by their first bytes. Nothing of it is run: the
 * daemon gives it out as an attachment, and here it is only ever the text of an element or the source of a picture.
 */
import { useEffect } from 'preact/hooks';
import { useSignal } from '@preact/signals';
import { downloadBackup } from '../../api/backups.ts';
import { contentOf, MOST_SHOWN_BYTES } from '../../api/files.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote } from '../../parts/failure.tsx';
import { Download } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { bytes } from '../../words/format.ts';
import { words } from '../../words/words.ts';
import type { Shown } from './files.tsx';
import { pictureOf } from './picture.ts';

export interface ContentProps {
  readonly server: string;
  readonly backup: string;
  readonly item: Shown;
  readonly onClose: () => void;
}

export function Content({ server, backup, item, onClose }: ContentProps) {
  const { busy, failure, run } = useAction();
  return (
    <Dialog title={item.name} wide onClose={onClose}>
      {item.size > MOST_SHOWN_BYTES ? (
        <p>{words.tooLargeToShow(item.size)}</p>
      ) : (
        <Look server={server} backup={backup} path={item.path} />
      )}
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      <div class="bs">
        <button
          class="b"
          type="button"
          disabled={busy.value}
          onClick={() => void run(() => downloadBackup(server, backup, [item.path]))}
        >
          <Icon of={Download} small />
          Download, {bytes(item.size)}
        </button>
      </div>
    </Dialog>
  );
}

interface LookProps extends Pick<ContentProps, 'server' | 'backup'> {
  readonly path: string;
}

function Look({ server, backup, path }: LookProps) {
  const { data, failure, again } = useAnswer(() => contentOf(server, backup, path), [server, backup, path]);
  if (failure !== undefined) return <FailureNote failure={failure} again={again} />;
  if (data === undefined) return <p class="muted">Reading…</p>;
  if (data.length > MOST_SHOWN_BYTES) return <p>{words.tooLargeToShow(data.length)}</p>;
  const type = pictureOf(data);
  if (type !== undefined) return <Picture data={data} type={type} />;
  const text = textOf(data);
  if (text === undefined) return <p>{words.notShown}</p>;
  return (
    <pre class="content mono" tabIndex={0} role="region" aria-label="Content">
      {text}
    </pre>
  );
}

function Picture({ data, type }: { readonly data: Uint8Array<ArrayBuffer>; readonly type: string }) {
  const address = useSignal<string | undefined>(undefined);
  useEffect(() => {
    const made = URL.createObjectURL(new Blob([data], { type }));
    address.value = made;
    return () => URL.revokeObjectURL(made);
  }, [data]);
  return address.value === undefined ? null : <img class="content" src={address.value} alt="" />;
}

/** Undefined for what is no UTF-8, or has bytes that no text has. */
function textOf(data: Uint8Array<ArrayBuffer>): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(data);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
