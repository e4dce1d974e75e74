/**
 * Combining CRC-32s (RFC 1952, polynomial 0xEDB88320 reflected): the CRC of two byte runs joined follows from the
 * CRC of each and the length of the second. That lets threads check segments apart while the gzip trailer still
 * carries the CRC of the whole.
 *
 * Appending n zero bytes multiplies a CRC, seen as a polynomial over GF(2), by x^(8n) modulo the CRC polynomial.
 */

const POLYNOMIAL = 0xedb88320;
/** The polynomial 1 in reflected order: the highest bit is the lowest power. */
const ONE = 0x80000000;

/** a times b modulo the CRC polynomial, all in reflected bit order. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = ONE; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= factor;
    factor = (factor & 1) === 0 ? factor >>> 1 : (factor >>> 1) ^ POLYNOMIAL;
  }
  return product >>> 0;
}

/** x^(2^k) for k = 0, 1, 2, … modulo the polynomial, each the square of the one before. */
const SQUARES: readonly number[] = (() => {
  const squares = [ONE >>> 1];
  for (let k = 1; k < 64; k++) squares.push(multiply(squares[k - 1] ?? 0, squares[k - 1] ?? 0));
  return squares;
})();

/** x^(8 * length): what `length` zero bytes do to a CRC. */
function shiftOf(length: number): number {
  let shift = ONE;
  // A byte is eight bits, so the first square is x^(2^3). Divided and not shifted, because lengths exceed 2^32.
  for (let rest = length, k = 3; rest > 0; rest = Math.floor(rest / 2), k++) {
    if (rest % 2 === 1) shift = multiply(SQUARES[k] ?? 0, shift);
  }
  return shift;
}

/**
 * The CRC-32 of A followed by B.
 *
 * @param first CRC-32 of A.
 * @param second CRC-32 of B.
 * @param secondLength bytes in B.
 */
export function combineCrc32(first: number, second: number, secondLength: number): number {
  return (multiply(shiftOf(secondLength), first) ^ second) >>> 0;
}
