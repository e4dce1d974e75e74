import { effect } from '@preact/signals';
import { render } from 'preact';
import { answer, api } from './api/client.ts';
import { failureOf } from './api/failures.ts';
import { App } from './app.tsx';
import { examine } from './live/findings.ts';
import { findSecret, secret, who } from './live/session.ts';
import { close, connect } from './live/socket.ts';
import { clear } from './live/state.ts';
import './style/tokens.css';
import './style/base.css';
import './style/controls.css';

const WHO_AGAIN_MS = 2000;
const REFUSED: ReadonlySet<number> = new Set([401, 403]);

/** Asks who is signed in, then listens; asks again until it is told, or refused: there is nothing else to show. */
async function begin(own: string): Promise<void> {
  try {
    const found = await answer(api.GET('/api/session'));
    if (secret.value !== own) return;
    who.value = found;
    connect();
    await examine().catch(() => undefined);
  } catch (error) {
    if (secret.value !== own) return;
    if (!REFUSED.has(failureOf(error).status)) setTimeout(() => void begin(own), WHO_AGAIN_MS);
  }
}

if (!location.hash.startsWith('#/in/')) await findSecret();
effect(() => {
  const own = secret.value;
  close();
  clear();
  if (own !== undefined) void begin(own);
});
effect(() => {
  document.title = who.value === undefined ? 'Roost' : `Roost · ${who.value.nodeName}`;
});

const element = document.querySelector('#page');
if (element !== null) render(<App />, element);
