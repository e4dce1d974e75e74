/** Parts of route definitions that dialects with an OpenAPI document share. */
import type { z } from '@hono/zod-openapi';

export const BEARER = [{ bearer: [] }];

export function jsonAnswer<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { content: { 'application/json': { schema } }, description };
}

export function optionalBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } }, required: false };
}

export function requiredBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } }, required: true };
}
