/** What of a live tree a restore leaves alone: ignore lists, chosen paths and mount points, in the words of a swap. */
import type { DirectoryRules } from '../../archive/ignore/ignore.ts';
import { GOES, type StayRules, STAYS } from '../../servers/swap/rules.ts';

/** What an ignore list covers stays. */
export function ignoredStays(rules: DirectoryRules): StayRules {
  return {
    child(name, directory) {
      const { ignored, prune } = rules.child(name, directory);
      if (!directory) return ignored ? STAYS : GOES;
      return { stays: ignored, mixed: !ignored || !prune };
    },
    enter: (name) => ignoredStays(rules.enter(name)),
  };
}

/** What a selection does not choose stays. Its rules say `ignored` for what it chooses. */
export function unselectedStays(rules: DirectoryRules): StayRules {
  return {
    child(name, directory) {
      const { ignored: selected, prune: allBelow } = rules.child(name, directory);
      if (!directory) return selected ? GOES : STAYS;
      return { stays: !selected, mixed: !selected || !allBelow };
    },
    enter: (name) => unselectedStays(rules.enter(name)),
  };
}
