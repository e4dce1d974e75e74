/** Entries of a backup, to tick, to open and to save. Names are text and nothing else, whatever is in them. */
import { downloadBackup } from '../../api/backups.ts';
import type { Entry } from '../../api/files.ts';
import { useAction } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { to } from '../../live/router.ts';
import { FailureNote } from '../../parts/failure.tsx';
import { Download, File, Folder } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { bytes, moment } from '../../words/format.ts';
import { words } from '../../words/words.ts';

/** An entry of one level by its name, or one that was found by its whole path. */
export interface Shown extends Omit<Entry, 'mode'> {
  readonly path: string;
  /**
   * Counts, from 1, those before it whose name reads the same: a byte that is no text is shown as `\xNN`, which another
   * name may have as its text. The path stands for the first of them.
   */
  readonly twin?: number;
}

/** What each ticked path is. */
export type Ticks = ReadonlyMap<string, Entry['kind']>;

export interface FilesProps {
  readonly server: string;
  readonly backup: string;
  readonly items: readonly Shown[];
  /** Found anywhere in the backup: each says in which folder it is. */
  readonly found: boolean;
  /** Where there is nothing. */
  readonly none: string;
  readonly ticked: Ticks;
  readonly onTick: (ticked: Ticks) => void;
  readonly onOpen: (item: Shown) => void;
  readonly onEnd: () => void;
}

export function Files({ server, backup, items, found, none, ticked, onTick, onOpen, onEnd }: FilesProps) {
  const { failure, run } = useAction();
  const here = ticked.size === 0 ? 0 : items.filter(({ path }) => ticked.has(path)).length;
  const toggle = ({ path, kind }: Shown): void => {
    const next = new Map(ticked);
    if (!next.delete(path)) next.set(path, kind);
    onTick(next);
  };
  const toggleAll = (on: boolean): void => {
    const next = new Map(ticked);
    for (const { path, kind, twin } of items) {
      if (!on) next.delete(path);
      else if (twin === undefined) next.set(path, kind);
    }
    onTick(next);
  };
  return (
    <>
      <div class="fl h">
        <label class="tick">
          <input
            type="checkbox"
            aria-label="All that is listed"
            checked={items.length > 0 && here === items.length}
            ref={(element) => {
              if (element !== null) element.indeterminate = here > 0 && here < items.length;
            }}
            onChange={({ currentTarget }) => toggleAll(currentTarget.checked)}
          />
        </label>
        <span />
        <span>Name</span>
        <span class="num">Size</span>
        <span>Modified</span>
        <span>On the server</span>
        <span />
      </div>
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      {items.length === 0 ? (
        <p class="pad muted">{none}</p>
      ) : (
        <VirtualList
          items={items}
          keyOf={keyOf}
          estimate={39}
          label="Files"
          onEnd={onEnd}
          row={(item) => (
            <div class={item.twin === undefined && ticked.has(item.path) ? 'fl sel' : 'fl'}>
              {item.twin === undefined ? (
                <label class="tick">
                  <input
                    type="checkbox"
                    aria-label={`Select ${item.name}`}
                    checked={ticked.has(item.path)}
                    onChange={() => toggle(item)}
                  />
                </label>
              ) : (
                <span />
              )}
              <span class="muted">
                <Icon of={item.kind === 'directory' ? Folder : File} />
              </span>
              <Name server={server} backup={backup} item={item} found={found} onOpen={onOpen} />
              <span class="num muted">{bytes(item.kind === 'directory' ? (item.bytes ?? 0) : item.size)}</span>
              <span class="muted small">{moment(item.mtime * 1000, now.value)}</span>
              <Live item={item} />
              <span class="num">
                {item.kind !== 'symlink' && item.twin === undefined && (
                  <button
                    class="b q t"
                    type="button"
                    aria-label={`Download ${item.name}`}
                    onClick={() => void run(() => downloadBackup(server, backup, [item.path]))}
                  >
                    <Icon of={Download} small />
                  </button>
                )}
              </span>
            </div>
          )}
        />
      )}
    </>
  );
}

interface NameProps extends Pick<FilesProps, 'server' | 'backup' | 'found' | 'onOpen'> {
  readonly item: Shown;
}

function Name({ server, backup, item, found, onOpen }: NameProps) {
  const { kind, name, path, target, twin } = item;
  const folder = path.slice(0, path.length - name.length);
  return (
    <span class="n" title={path}>
      {kind === 'directory' && twin === undefined ? (
        <a data-row href={to.browse(server, backup, { path })}>
          <bdi>{name}</bdi>
        </a>
      ) : kind === 'symlink' || twin !== undefined ? (
        <bdi data-row tabIndex={-1}>
          {name}
        </bdi>
      ) : (
        <button data-row class="plain" type="button" onClick={() => onOpen(item)}>
          <bdi>{name}</bdi>
        </button>
      )}
      {target !== undefined && (
        <span class="muted">
          {' → '}
          <bdi>{target}</bdi>
        </span>
      )}
      {found && folder !== '' && (
        <span class="muted small in">
          {'in '}
          <bdi>{folder}</bdi>
        </span>
      )}
      {twin !== undefined && <span class="muted small in">{words.twin}</span>}
    </span>
  );
}

function keyOf({ path, twin }: Shown): string {
  // No path has two slashes in a row.
  return twin === undefined ? path : `${path}//${twin}`;
}

const TONES = { same: 'muted', changed: 'chg', gone: 'minus' } as const;

function Live({ item: { live } }: { readonly item: Shown }) {
  return (
    <span class={`small ${live === undefined ? '' : TONES[live]}`}>{live === undefined ? '' : words.live[live]}</span>
  );
}
