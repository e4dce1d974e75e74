/** What of a live tree a restore leaves alone: ignore lists, chosen paths and mount points, in the words of a swap. */
import type { DirectoryRules } from '../../archive/ignore/ignore.ts';
import { REPLACE, type KeepRules, KEEP } from '../../servers/swap/rules.ts';

/** What an ignore list covers stays. */
export function keepIgnored(rules: DirectoryRules): KeepRules {
  return {
    child(name, directory) {
      const { ignored, prune } = rules.child(name, directory);
      if (!directory) return ignored ? KEEP : REPLACE;
      return { keep: ignored, mixed: !ignored || !prune };
    },
    enter: (name) => keepIgnored(rules.enter(name)),
  };
}

/** What a selection does not choose stays. Its rules say `ignored` for what it chooses. */
export function keepUnselected(rules: DirectoryRules): KeepRules {
  return {
    child(name, directory) {
      const { ignored: selected, prune: allBelow } = rules.child(name, directory);
      if (!directory) return selected ? REPLACE : KEEP;
      return { keep: !selected, mixed: !selected || !allBelow };
    },
    enter: (name) => keepUnselected(rules.enter(name)),
  };
}
