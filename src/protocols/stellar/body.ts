import type { z } from '@hono/zod-openapi';
import { Failure } from '../../base/failure.ts';
import type { AppContext } from '../dialect.ts';
import { readBody } from '../request-body.ts';

/** @throws Failure `invalid_request` for what is no JSON or does not fit, `too_large`. */
export async function bodyAs<Schema extends z.ZodType>(c: AppContext, schema: Schema): Promise<z.output<Schema>> {
  const text = await readBody(c);
  const parsed = schema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Failure('invalid_request', `Cannot read the request: ${issue?.path.join('.')}: ${issue?.message}`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Failure('invalid_request', 'Cannot read the request body: it is not valid JSON', { cause: error });
  }
}
