/** The time from which ages are counted; updated every half minute. */
import { signal } from '@preact/signals';

export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 30_000);
