/** Checks that the address of this node in the panel is the one on which its front listens. */
import { type Finding, warning } from '../../base/finding.ts';
import type { Config } from '../../config/config.ts';
import { pushDiffers, readPush } from '../../servers/panel-push.ts';

const HINT = 'Set port and SSL of the node in the panel, or front.listen; a port that is mapped elsewhere is in order.';

/** Nothing to say without a front, and before the panel has pushed its configuration of the node once. */
export function checkPanelPush({ front, stateDirectory }: Pick<Config, 'front' | 'stateDirectory'>): Finding[] {
  const push = front === null ? undefined : readPush(stateDirectory);
  if (front === null || push === undefined) return [];
  return pushDiffers(push, front.listen).map((difference) =>
    warning('front', `As of its last push, ${difference}`, HINT),
  );
}
