import { onTestFinished } from 'vitest';
import { openRestoreNode, type RestoreNode, type RestoreNodeOptions } from './restore-node.ts';
import { scratchDirectory } from './scratch.ts';
import { clearDirectory } from './tree.ts';

export { outcomeOf, remains } from './restore-node.ts';
export type { RestoreNode } from './restore-node.ts';

/** A node of its own for a test, in a scratch directory unless the test has a place for it. */
export async function restoreNode(options: Partial<RestoreNodeOptions> = {}): Promise<RestoreNode> {
  const root = options.root ?? (await scratchDirectory());
  const node = openRestoreNode({ ...options, root });
  onTestFinished(() => {
    node.close();
    // Before the scratch directory goes: whoever is not root cannot remove what lies in a directory of mode 0555.
    clearDirectory(root);
  });
  return node;
}
