/** The time that ages are told against; goes on every half minute. */
import { signal } from '@preact/signals';

export const now = signal(Date.now());
setInterval(() => (now.value = Date.now()), 30_000);
