/** One level of a backup. Names are text and nothing else, whatever is in them. */
import { type Entry, saveFile } from '../../api/files.ts';
import { useAction } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { to } from '../../live/router.ts';
import { FailureNote } from '../../parts/failure.tsx';
import { Download, File, Folder } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { bytes, moment } from '../../words/format.ts';

export interface FilesProps {
  readonly server: string;
  readonly backup: string;
  readonly path: string;
  readonly entries: readonly Entry[];
  /** Paths. */
  readonly ticked: ReadonlySet<string>;
  readonly onTick: (ticked: ReadonlySet<string>) => void;
  readonly onEnd: () => void;
}

export function Files({ server, backup, path, entries, ticked, onTick, onEnd }: FilesProps) {
  const { failure, run } = useAction();
  const pathOf = (name: string): string => (path === '' ? name : `${path}/${name}`);
  const here = entries.filter(({ name }) => ticked.has(pathOf(name))).length;
  const toggle = (name: string): void => {
    const next = new Set(ticked);
    if (!next.delete(pathOf(name))) next.add(pathOf(name));
    onTick(next);
  };
  const toggleAll = (on: boolean): void => {
    const next = new Set(ticked);
    for (const { name } of entries) {
      if (on) next.add(pathOf(name));
      else next.delete(pathOf(name));
    }
    onTick(next);
  };
  return (
    <>
      <div class="fl h">
        <label class="tick">
          <input
            type="checkbox"
            aria-label="All of this folder"
            checked={entries.length > 0 && here === entries.length}
            ref={(element) => {
              if (element !== null) element.indeterminate = here > 0 && here < entries.length;
            }}
            onChange={({ currentTarget }) => toggleAll(currentTarget.checked)}
          />
        </label>
        <span />
        <span>Name</span>
        <span class="num">Size</span>
        <span>Modified</span>
        <span />
      </div>
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      {entries.length === 0 ? (
        <p class="pad muted">An empty folder.</p>
      ) : (
        <VirtualList
          items={entries}
          keyOf={({ name }) => name}
          estimate={39}
          label="Files"
          onEnd={onEnd}
          row={({ name, kind, size, mtime, target }) => (
            <div class={ticked.has(pathOf(name)) ? 'fl sel' : 'fl'}>
              <label class="tick">
                <input
                  type="checkbox"
                  aria-label={`Select ${name}`}
                  checked={ticked.has(pathOf(name))}
                  onChange={() => toggle(name)}
                />
              </label>
              <span class="muted">
                <Icon of={kind === 'directory' ? Folder : File} />
              </span>
              <span class="n">
                {kind === 'directory' ? (
                  <a data-row href={to.browse(server, backup, { path: pathOf(name) })}>
                    <bdi>{name}</bdi>
                  </a>
                ) : (
                  <bdi data-row tabIndex={-1}>
                    {name}
                  </bdi>
                )}
                {target !== undefined && (
                  <span class="muted">
                    {' → '}
                    <bdi>{target}</bdi>
                  </span>
                )}
              </span>
              <span class="num muted">{kind === 'directory' ? '' : bytes(size)}</span>
              <span class="muted small">{moment(mtime * 1000, now.value)}</span>
              <span class="num">
                {kind === 'file' && (
                  <button
                    class="b q t"
                    type="button"
                    aria-label={`Download ${name}`}
                    onClick={() => void run(() => saveFile(server, backup, pathOf(name)))}
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
