/** Why a `fetch` rejected, in words: it hides that in the cause. */
export function fetchReason(error: unknown): string {
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error;
  return cause instanceof Error ? cause.message : String(cause);
}
