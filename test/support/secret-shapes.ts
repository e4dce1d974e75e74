/** What must never be in a log line: what looks like a secret, and what tests have made known as one. */

const SHAPES: readonly (readonly [string, RegExp])[] = [
  ['a JSON web token', /eyJ[\w-]{8,}\.[\w-]{8,}/],
  ['a bearer', /\bbearer\s+(?!\[redacted\]|<)[^\s"'\\]/i],
  ['a signed query', /[?&][\w-]*(?:signature|credential|token|sig|key|secret)=(?!\[redacted\])[^&\s"\\]/i],
];

/** As `TOKEN`s and keys of test support; too short for a mistake, and it would be found everywhere. */
const SHORTEST = 10;
const known = new Set<string>();
const leaks: string[] = [];

/** Returns it, so that it can be made known where it is made. */
export function knownSecret(secret: string): string {
  if (secret.length < SHORTEST) throw new Error(`${secret} is too short to be looked for`);
  known.add(secret);
  return secret;
}

/** Of any log, those of daemons that are processes of their own as well. */
export function watchLine(line: string): void {
  const shapes = SHAPES.flatMap(([name, shape]) => (shape.test(line) ? [name] : []));
  const secrets = Array.from(known).flatMap((secret) => (line.includes(secret) ? ['a known secret'] : []));
  for (const leak of [...shapes, ...secrets]) leaks.push(`${leak} in ${line.slice(0, 1000)}`);
}

/** What was found since it was asked last. */
export function takeLeaks(): string[] {
  return leaks.splice(0);
}
