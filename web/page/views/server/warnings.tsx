import { useSignal } from '@preact/signals';
import { answer, api } from '../../api/client.ts';
import type { Backup } from '../../api/shapes.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';

export function Warnings({ backup }: { readonly backup: Backup }) {
  const { serverId, id, warningCount } = backup;
  const ask = (cursor?: string) =>
    answer(
      api.GET('/api/servers/{server}/backups/{id}/warnings', {
        params: { path: { server: serverId, id }, query: cursor === undefined ? {} : { cursor } },
      }),
    );
  const first = useAnswer(() => ask(), [id]);
  const later = useSignal<readonly Awaited<ReturnType<typeof ask>>[]>([]);
  const { busy, failure, run } = useAction();
  if (warningCount === 0) return <p class="pad muted">Nothing to warn of.</p>;
  if (first.data === undefined) {
    return (
      <div class="pad">
        {first.failure ? <FailureNote failure={first.failure} again={first.again} /> : <GreyRows />}
      </div>
    );
  }
  const pages = [first.data, ...later.value];
  const cursor = pages.at(-1)?.cursor;
  return (
    <div class="pad small">
      {pages
        .flatMap(({ warnings }) => warnings)
        .map(({ path, message, code }, at) => (
          <p key={at}>
            {path !== '' && (
              <bdi class="mono">
                {path}
                <br />
              </bdi>
            )}
            {message} <span class="muted">{code}</span>
          </p>
        ))}
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      {cursor !== undefined && (
        <button
          class="b t"
          type="button"
          disabled={busy.value}
          onClick={() => void run(async () => (later.value = [...later.value, await ask(cursor)]))}
        >
          More
        </button>
      )}
    </div>
  );
}
