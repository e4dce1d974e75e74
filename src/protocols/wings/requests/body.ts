/** Reads a panel's request body, bounded, and checks it. What does not fit is a `badBody`, never a 500. */
import type { z } from '@hono/zod-openapi';
import type { AppContext } from '../../dialect.ts';
import { readBody } from '../../request-body.ts';
import { badBody } from '../answers/answers.ts';
import type { FlavourFacts } from '../flavours/contract.ts';

/** @throws Failure `invalid_request` (see `badBody`), `too_large`. */
export async function bodyAs<Schema extends z.ZodType>(
  c: AppContext,
  schema: Schema,
  { routes }: FlavourFacts,
): Promise<z.output<Schema>> {
  const text = await readBody(c);
  if (routes.needsJsonLabel && !isLabelled(c.req.header('content-type'))) {
    throw badBody('unlabelled', 'it is not labelled as application/json');
  }
  const parsed = schema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badBody('unfit', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it has another shape'}`);
}

function isLabelled(contentType: string | undefined): boolean {
  return /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType ?? '');
}

function jsonOf(text: string): unknown {
  if (text.trim() === '') throw badBody('empty', 'it is empty');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badBody('malformed', 'it is not valid JSON', error);
  }
}
