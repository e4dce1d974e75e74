/** Reads a panel's request body, bounded, and checks it. What does not fit is a `badBody`, never a 500. */
import type { z } from '@hono/zod-openapi';
import type { AppContext } from '../../dialect.ts';
import { readBody, readBytes } from '../../request-body.ts';
import { badBody } from '../answers/answers.ts';
import type { FlavourFacts } from '../flavours/contract.ts';
import { fromMessagePack, isMessagePack } from './message-pack.ts';

type Facts = Pick<FlavourFacts, 'routes'>;

/** @throws Failure `invalid_request` (see `badBody`), `too_large`. */
export async function bodyAs<Schema extends z.ZodType>(
  c: AppContext,
  schema: Schema,
  facts: Facts,
): Promise<z.output<Schema>> {
  const parsed = schema.safeParse(await valueOf(c, facts));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw badBody('unfit', `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it has another shape'}`);
}

/** What a body says, for routes that do without one. @returns undefined for none, and for what cannot be read. */
export async function anyBody(c: AppContext, { routes }: Facts): Promise<unknown> {
  const bytes = await readBytes(c);
  return valueIn(bytes, routes.messagePack === true && isMessagePack(c.req.header('content-type')));
}

/** @returns undefined for what is neither JSON nor, if so labelled, MessagePack. */
export function valueIn(bytes: Buffer, packed: boolean): unknown {
  try {
    return packed ? fromMessagePack(bytes) : JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

async function valueOf(c: AppContext, { routes }: Facts): Promise<unknown> {
  const label = c.req.header('content-type');
  if (routes.messagePack && isMessagePack(label)) {
    const bytes = await readBytes(c);
    return attemptAs('MessagePack', () => (bytes.length === 0 ? {} : fromMessagePack(bytes)));
  }
  const text = await readBody(c);
  if (routes.needsJsonLabel && !isLabelled(label))
    throw badBody('unlabelled', 'it is not labelled as application/json');
  if (text.trim() === '') throw badBody('empty', 'it is empty');
  return attemptAs('JSON', () => JSON.parse(text) as unknown);
}

function attemptAs(form: string, read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    throw badBody('malformed', `it is not valid ${form}`, error);
  }
}

function isLabelled(contentType: string | undefined): boolean {
  return /^\s*application\/(?:[\w.-]+\+)?json\s*(?:;|$)/i.test(contentType ?? '');
}
