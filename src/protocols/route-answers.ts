/** Parts of route definitions that dialects with an OpenAPI document share. */
import { createRoute, type RouteConfig, type z } from '@hono/zod-openapi';

/** A route that needs a bearer token. */
export function bearerRoute<const Route extends RouteConfig>(route: Route) {
  return createRoute({ ...route, security: [{ bearer: [] }] });
}

export function jsonAnswer<Schema extends z.ZodType>(schema: Schema, description: string) {
  return { content: { 'application/json': { schema } }, description };
}

/** For a route: a JSON body of that shape, or none. */
export function optionalBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } }, required: false };
}

/** For a route: a JSON body of that shape; a request without one is refused with 400. */
export function requiredBody<Schema extends z.ZodType>(schema: Schema) {
  return { content: { 'application/json': { schema } }, required: true };
}
