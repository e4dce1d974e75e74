import { useSignal } from '@preact/signals';
import { createBackup } from '../../api/backups.ts';
import { useAction } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { jobOfServer, serverOf, servers } from '../../live/state.ts';
import { Dialog } from '../../parts/dialog.tsx';
import { FailureNote } from '../../parts/failure.tsx';
import { ago, counted } from '../../words/format.ts';

/** Backs up chosen servers. Those whose newest backup is oldest come first, because they need one most. */
export function BackUpSeveral({ onClose }: { readonly onClose: () => void }) {
  const chosen = useSignal<ReadonlySet<string>>(new Set());
  const { busy, failure, run } = useAction();
  const all = (servers.value ?? [])
    .flatMap((id) => serverOf(id) ?? [])
    .filter(({ id, suspended, state }) => !suspended && state === undefined && jobOfServer(id) === undefined)
    .sort((one, other) => ageOf(one) - ageOf(other));
  const toggle = (id: string): void => {
    const next = new Set(chosen.value);
    if (!next.delete(id)) next.add(id);
    chosen.value = next;
  };
  const start = async (): Promise<void> => {
    const done = await run(async () => {
      for (const id of chosen.value) {
        await createBackup(id);
        toggle(id);
      }
    });
    if (done) onClose();
  };
  return (
    <Dialog title="Back up several servers" onClose={onClose}>
      <label class="row">
        <input
          type="checkbox"
          checked={all.length > 0 && chosen.value.size === all.length}
          onChange={({ currentTarget }) => {
            chosen.value = new Set(currentTarget.checked ? all.map(({ id }) => id) : []);
          }}
        />
        All of them
      </label>
      <div class="choices">
        {all.map((server) => (
          <label key={server.id} class="row">
            <input type="checkbox" checked={chosen.value.has(server.id)} onChange={() => toggle(server.id)} />
            <bdi class="grow">{server.name}</bdi>
            <span class="muted small">
              {server.overview?.newest === undefined ? 'never' : ago(server.overview.newest.createdAt, now.value)}
            </span>
          </label>
        ))}
      </div>
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      <button class="b p" type="button" disabled={busy.value || chosen.value.size === 0} onClick={() => void start()}>
        Back up {counted(chosen.value.size, 'server')}
      </button>
    </Dialog>
  );
}

function ageOf({ overview }: { readonly overview?: { readonly newest?: { readonly createdAt: string } } }): number {
  return overview?.newest === undefined ? 0 : Date.parse(overview.newest.createdAt);
}
