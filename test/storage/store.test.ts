import { describeStore } from '../contract/store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { LyingStore } from '../support/lying-store.ts';
import { scratchStore } from '../support/scratch-store.ts';

describeStore('memory', async () => new MemoryStore());
describeStore('a wrapped store that tells no lie', async () => new LyingStore(new MemoryStore()));
describeStore('local', async () => (await scratchStore()).store);
