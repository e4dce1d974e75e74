/** The known word closest to a mistyped one, or undefined when none is close enough. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const furthest = Math.max(1, Math.floor(plain(word).length / 3));
  const near = known
    .map((candidate) => ({ candidate, distance: editDistance(plain(word), plain(candidate)) }))
    .filter(({ distance }) => distance <= furthest)
    .sort((left, right) => left.distance - right.distance);
  return near[0]?.candidate;
}

/** Treats `maxSize` and `max-size` as spellings of `max_size`. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[_-]/g, '').slice(0, 64);
}

/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
function editDistance(from: string, to: string): number {
  const rows = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const cost = from[row - 1] === to[column - 1] ? 0 : 1;
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(
        Math.min(
          (rows[row - 1]?.[column] ?? 0) + 1,
          (current[column - 1] ?? 0) + 1,
          (rows[row - 1]?.[column - 1] ?? 0) + cost,
          swapped ? (rows[row - 2]?.[column - 2] ?? 0) + 1 : Infinity,
        ),
      );
    }
    rows.push(current);
  }
  return rows[from.length]?.[to.length] ?? Infinity;
}
