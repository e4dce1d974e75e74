/** What many operations have in common: written once in the document, and referred to. */

/** An operation of the document, as far as it is changed here. */
export interface SharedOperation {
  readonly description?: string;
  readonly responses: Record<string, object>;
  parameters?: object[];
}

const RETRY_AFTER = {
  description: 'With `draining`, `store_unreachable` and 429: seconds after which another try may do',
  schema: { type: 'integer' },
} as const;
const LOCATION = {
  description: 'Where to ask what becomes of it: the backup, or the job at `/api/jobs/{id}`',
  schema: { type: 'string' },
} as const;
const PREFER = {
  name: 'Prefer',
  in: 'header',
  description: '`respond-async` (RFC 7240): answer 202 at once, instead of when it has ended',
  schema: { type: 'string', enum: ['respond-async'] },
} as const;
const CAN_WAIT = 'Prefer: respond-async';

/**
 * Gives answers to errors a place that operations refer to, and names the headers of those that may answer before they have ended.
 *
 * @returns the answers, for `components.responses`.
 */
export function shareParts(operations: readonly SharedOperation[]): Readonly<Record<string, object>> {
  const shared: Record<string, object> = {};
  for (const operation of operations) {
    const { default: error, 202: accepted } = operation.responses;
    if (error !== undefined) {
      const name = /schemas\/(\w+)"/.exec(JSON.stringify(error))?.[1] ?? 'Error';
      const whole = { ...error, headers: { 'Retry-After': RETRY_AFTER } };
      shared[name] ??= whole;
      // Generators that look for a range find one. `default` is written out: it has what no range covers, and readers that
      // follow references to schemas alone find the schema of an error there.
      operation.responses['4XX'] = { $ref: `#/components/responses/${name}` };
      operation.responses['default'] = whole;
    }
    if (accepted === undefined || operation.description?.includes(CAN_WAIT) !== true) continue;
    operation.responses['202'] = { ...accepted, headers: { Location: LOCATION } };
    operation.parameters = [...(operation.parameters ?? []), PREFER];
  }
  return shared;
}
