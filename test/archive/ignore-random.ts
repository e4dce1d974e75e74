/** A small seeded generator (mulberry32): the same cases in every run, and no shrinking machinery around thousands. */
export interface Random {
  below(limit: number): number;
  chance(probability: number): boolean;
  one<T>(from: readonly T[]): T;
  /** Up to `count` different ones. */
  some<T>(from: readonly T[], count: number): T[];
}

export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), state | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
  const random: Random = {
    below: (limit) => Math.floor(next() * limit),
    chance: (probability) => next() < probability,
    one: (from) => from[random.below(from.length)] as (typeof from)[number],
    some(from, count) {
      const left = [...from];
      return Array.from({ length: Math.min(count, left.length) }, () =>
        left.splice(random.below(left.length), 1),
      ).flat();
    },
  };
  return random;
}

// What lines are thrown together from, weighted towards what interacts: stars, slashes, brackets, escapes.
const TOKENS = [
  ...'a a a b b b c ab A *a b* a/ /b . - # ! * * * ? ? / / / ** **/ **/ /** /**/ *** // ./ ..'.split(' '),
  ...'[ab] [!a] [^b] [a-c] []a] [a-] [!]-] [c-a] [[:alpha:]] [![:punct:]b] [[: [:a:] [a/b] [/./]'.split(' '),
  ...'[ ] \\ \\a \\* \\/ \\/ **\\/ \\[ [\\]] [\\a-c]'.split(' '),
  ' ',
  '\\ ',
  '\xc3\xa9',
  '\xff',
];

function randomLine(random: Random, items: readonly { readonly path: string }[]): string {
  const negation = random.chance(0.3) ? '!' : '';
  if (random.chance(0.35)) return negation + mangledPath(random, random.one(items).path);
  const tokens = Array.from({ length: 1 + random.below(5) }, () => random.one(TOKENS));
  return negation + tokens.join('') + (random.chance(0.15) ? '/' : '') + (random.chance(0.1) ? ' ' : '');
}

/** A line that is near a path of the tree, so that deep and anchored matches are common. */
function mangledPath(random: Random, from: string): string {
  const names = from.split('/').map((name) => {
    const kind = random.below(8);
    if (kind === 0) return '*';
    if (kind === 1) return '**';
    if (kind === 2) return `${name.slice(0, 1)}*`;
    if (kind === 3) return name.replace(/.$/s, '?');
    if (kind === 4) return `${name}**`;
    return name.replace(/[\\*?[!#]/g, '\\$&').replace(/ $/, '\\ ');
  });
  const kept = random.chance(0.3) ? names.slice(0, 1 + random.below(names.length)) : names;
  return (random.chance(0.3) ? '/' : '') + kept.join('/') + random.one(['', '', '/', '/*', '/**']);
}

/**
 * Lines of which many meet: a `!` line is often about something near a plain line before it, which is where the
 * definitions of git and Roost part.
 */
export function randomList(random: Random, items: readonly { readonly path: string }[], length: number): string[] {
  const lines: string[] = [];
  while (lines.length < length) {
    const line = randomLine(random, items);
    lines.push(line);
    if (lines.length < length && random.chance(0.3)) {
      const body = random.one(lines).replace(/^!|\/?\*{0,2}$/g, '');
      lines.push(`!${body}${random.one(['', '/', '/*', '/**', '/a', '*/b'])}`);
    }
  }
  return lines;
}
