/** Signing in: by the code of a one-time link, which leaves the address before it is used, or by a token. */
import { useSignal } from '@preact/signals';
import { CircleAlert } from '../../parts/icons.ts';
import { useEffect } from 'preact/hooks';
import { answer, api } from '../../api/client.ts';
import { failureOf, type ApiFailure } from '../../api/failures.ts';
import { route, replace } from '../../live/router.ts';
import { ended, remember } from '../../live/session.ts';
import { Icon } from '../../parts/icon.tsx';
import { Logo } from '../../parts/top.tsx';

export function SignIn() {
  const token = useSignal('');
  const keep = useSignal(false);
  const busy = useSignal(false);
  const failure = useSignal<ApiFailure | undefined>(undefined);
  const signIn = async (body: { readonly token: string } | { readonly code: string }): Promise<void> => {
    busy.value = true;
    failure.value = undefined;
    try {
      const wish = { ...body, keep: keep.value };
      const { secret } = await answer(api.POST('/api/session', { body: wish }));
      remember(secret, keep.value);
    } catch (error) {
      failure.value = failureOf(error);
    } finally {
      busy.value = false;
    }
  };
  const { view, params } = route.value;
  useEffect(() => {
    if (view !== 'signIn') return;
    replace('#/');
    void signIn({ code: params['code'] ?? '' });
  }, [view]);
  return (
    <main>
      <form
        class="card sign"
        onSubmit={(event) => {
          event.preventDefault();
          void signIn(pasted(token.value.trim()));
        }}
      >
        <div class="brand">
          <Logo />
          Roost<span class="node">{location.host}</span>
        </div>
        <div>
          <h1>Sign in</h1>
          {ended.value !== undefined && <p class="st warn long">{ended.value}</p>}
          <p class="muted">On the node, this prints a link that signs you in once:</p>
          <p>
            <code>roost web</code>
          </p>
        </div>
        <label class="field">
          <span class="small muted">or paste that link or a token of the config</span>
          <input
            class="inp"
            type="password"
            name="token"
            placeholder="Token"
            autocomplete="current-password"
            value={token.value}
            onInput={({ currentTarget }) => (token.value = currentTarget.value)}
          />
        </label>
        <label class="row small">
          <input
            type="checkbox"
            checked={keep.value}
            onChange={({ currentTarget }) => (keep.value = currentTarget.checked)}
          />
          Stay signed in on this computer for 30 days
        </label>
        <button class="b p wide" type="submit" disabled={busy.value || token.value.trim() === ''}>
          {busy.value ? 'Signing in…' : 'Sign in'}
        </button>
        {failure.value !== undefined && (
          <div class="danger" role="alert">
            <b>{failure.value.message}</b>
            {failure.value.hint !== undefined && <span class="small">{failure.value.hint}</span>}
          </div>
        )}
        {!globalThis.isSecureContext && <Unencrypted />}
      </form>
    </main>
  );
}

/** Who has the printed link at hand may paste it where the token goes. */
function pasted(text: string): { readonly token: string } | { readonly code: string } {
  const [, code] = /#\/in\/([\w-]+)$/.exec(text) ?? [];
  return code === undefined ? { token: text } : { code };
}

function Unencrypted() {
  return (
    <>
      <p class="small st warn">
        <Icon of={CircleAlert} small />
        This connection is not encrypted.
      </p>
      <p class="small muted">
        The token can be read on its way. Use an ssh tunnel, or give Roost a certificate (<code>api.tls</code>).
      </p>
    </>
  );
}
