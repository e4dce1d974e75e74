/** Reads a `Range` header for a representation of known length (RFC 9110, section 14). Pure. */
export type RangeChoice =
  | { readonly kind: 'whole' }
  /** `end` is exclusive. */
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'unsatisfiable' };

const WHOLE: RangeChoice = { kind: 'whole' };
const UNSATISFIABLE: RangeChoice = { kind: 'unsatisfiable' };

/**
 * One range is served as a part. Several get the whole (RFC 9110 14.2 allows it): multipart answers help no download
 * manager, and many small ranges are an attack. Other units and malformed lists are ignored.
 *
 * @param size bytes of the representation.
 */
export function chooseRange(header: string | undefined, size: number): RangeChoice {
  const list = /^bytes=(.*)$/i.exec(header?.trim() ?? '')?.[1];
  if (list === undefined || size === 0) return WHOLE;
  // RFC 9110 5.6.1: empty elements of a list are to be ignored.
  const specs = list.split(',').map((spec) => spec.trim());
  const ranges = specs.filter((spec) => spec !== '').map((spec) => rangeOf(spec, size));
  const [first] = ranges;
  if (first === undefined || ranges.includes(WHOLE)) return WHOLE;
  if (ranges.every(({ kind }) => kind === 'unsatisfiable')) return UNSATISFIABLE;
  return ranges.length === 1 ? first : WHOLE;
}

// Here `WHOLE` means malformed: the whole header is ignored.
function rangeOf(spec: string, size: number): RangeChoice {
  const match = /^(\d*)-(\d*)$/.exec(spec);
  if (match === null) return WHOLE;
  const [, from = '', to = ''] = match;
  if (from === '') return to === '' ? WHOLE : lastBytes(Number(to), size);
  const start = Number(from);
  const last = to === '' ? Number.POSITIVE_INFINITY : Number(to);
  if (last < start) return WHOLE;
  return start >= size ? UNSATISFIABLE : { kind: 'part', start, end: Math.min(last, size - 1) + 1 };
}

function lastBytes(count: number, size: number): RangeChoice {
  return count === 0 ? UNSATISFIABLE : { kind: 'part', start: Math.max(0, size - count), end: size };
}
