/** Signing in and out, one-time links, and the sessions of this node. */
import { hostname } from 'node:os';
import { createRoute, type z } from '@hono/zod-openapi';
import { isoDate } from '../../../base/clock.ts';
import { Failure } from '../../../base/failure.ts';
import type { ServerId } from '../../../base/ids.ts';
import type { LinkRecord, SessionRecord } from '../../../catalogue/sessions.ts';
import type { App, AppContext, DialectDeps } from '../../dialect.ts';
import { ignoredBody, jsonBody } from '../../request-body.ts';
import { bearerRoute, jsonAnswer, requiredBody } from '../../route-answers.ts';
import { ANY_ERROR } from '../answers.ts';
import { anyCaller, guard, nativeCaller } from '../guard.ts';
import { SuccessObject } from '../schemas.ts';
import { ownUrl } from '../waiting.ts';
import * as schemas from './schemas.ts';
import type { Sessions } from './sessions.ts';
import { SignInFailures } from './sign-in-failures.ts';

const LINK_MINUTES = 15;

export interface SignInPorts {
  readonly sessions: Sessions;
  readonly addressOf: (c: AppContext) => string;
}

const who = bearerRoute({
  method: 'get',
  path: '/api/session',
  summary: 'Who asks, and what it may',
  responses: { 200: jsonAnswer(schemas.CallerObject, 'The caller'), ...ANY_ERROR },
});

const signIn = createRoute({
  method: 'post',
  path: '/api/session',
  summary: 'Sign in with a token of the config, or with the code of a one-time link',
  description: 'Ten failures within a minute from one address are answered 429.',
  middleware: [jsonBody],
  request: { body: requiredBody(schemas.SignInBody) },
  responses: { 201: jsonAnswer(schemas.SignedInObject, 'The session and its secret'), ...ANY_ERROR },
});

const signOut = bearerRoute({
  method: 'delete',
  path: '/api/session',
  summary: 'Sign out: ends the session that asks, and its sockets',
  middleware: [anyCaller, ignoredBody],
  responses: { 200: jsonAnswer(SuccessObject, 'It has ended'), ...ANY_ERROR },
});

const makeLink = bearerRoute({
  method: 'post',
  path: '/api/session/links',
  summary: 'Make a one-time link that signs in, with at most what the caller may',
  middleware: [anyCaller, jsonBody],
  request: { body: requiredBody(schemas.LinkBody) },
  responses: { 201: jsonAnswer(schemas.NewLinkObject, 'The link and its code'), ...ANY_ERROR },
});

const list = bearerRoute({
  method: 'get',
  path: '/api/sessions',
  summary: 'All sessions, and the links that may still be used',
  middleware: [guard('node.manage')],
  responses: { 200: jsonAnswer(schemas.SessionsObject, 'The last used first'), ...ANY_ERROR },
});

const revoke = bearerRoute({
  method: 'delete',
  path: '/api/sessions/{id}',
  summary: 'Take a session or link away, with all that came about by it',
  middleware: [guard('node.manage'), ignoredBody],
  request: { params: schemas.SessionParams },
  responses: { 200: jsonAnswer(SuccessObject, 'It has ended'), ...ANY_ERROR },
});

export function mountSignIn(app: App, ports: DialectDeps, { sessions, addressOf }: SignInPorts): void {
  const { log, service, version } = ports;
  const failures = new SignInFailures(ports.clock);
  const facts = (c: AppContext) => ({ requestId: c.get('requestId'), address: addressOf(c) });

  app.openapi(who, (c) => {
    const { id, permissions, servers, session } = nativeCaller(c);
    const own = session === undefined ? undefined : sessions.find(session);
    const answer = { token: id, permissions: [...permissions], servers: [...servers], nodeName: hostname(), version };
    return c.json({ ...answer, session: own && sessionObject(own, session) }, 200);
  });

  app.openapi(signIn, (c) => {
    const { token, code = '', keep = false } = c.req.valid('json');
    const address = addressOf(c);
    failures.admit(address);
    try {
      const by = token === undefined ? { code } : { token };
      const { secret, session } = sessions.open({ ...by, kept: keep, address });
      const { id, token: caller } = session;
      log.info('Signed in', { ...facts(c), session: id, caller, by: token === undefined ? 'link' : 'token' });
      return c.json({ secret, session: sessionObject(session, id) }, 201);
    } catch (error) {
      failures.note(address);
      log.warn('Sign-in refused', { ...facts(c), reason: error instanceof Failure ? error.message : undefined });
      throw error;
    }
  });

  app.openapi(signOut, (c) => {
    const { id, session } = nativeCaller(c);
    if (session === undefined) {
      throw new Failure('invalid_request', 'Cannot sign out: a token of the config was presented, not a session');
    }
    sessions.close(session);
    log.info('Signed out', { ...facts(c), session, caller: id });
    return c.json({ success: true as const }, 200);
  });

  app.openapi(makeLink, async (c) => {
    const caller = nativeCaller(c);
    const { minutes = LINK_MINUTES, permissions, servers, label } = c.req.valid('json');
    const wish = { minutes, permissions, servers: servers as (ServerId | '*')[] | undefined, label };
    const { code, link } = sessions.makeLink(caller, wish);
    try {
      for (const server of wish.servers ?? []) if (server !== '*') await service.server(server);
    } catch (error) {
      sessions.revoke(link.id);
      throw error;
    }
    const about = { link: link.id, permissions: link.permissions, servers: link.servers.slice(0, 10) };
    log.info('One-time link made', { ...facts(c), caller: caller.id, session: caller.session, ...about });
    return c.json({ ...linkObject(link), code, url: ownUrl(ports, `/#/in/${code}`) }, 201);
  });

  app.openapi(list, (c) => {
    const { session } = nativeCaller(c);
    const all = sessions.list().map((each) => sessionObject(each, session));
    return c.json({ sessions: all, links: sessions.links().map(linkObject) }, 200);
  });

  app.openapi(revoke, (c) => {
    const { id: caller, session } = nativeCaller(c);
    const { id } = c.req.valid('param');
    if (!sessions.revoke(id)) throw new Failure('path_not_found', 'There is no such session or link');
    log.info('Session taken away', { ...facts(c), caller, session, ended: id });
    return c.json({ success: true as const }, 200);
  });
}

function sessionObject(session: SessionRecord, current: string | undefined): z.infer<typeof schemas.SessionObject> {
  const { id, kept, address, lastUsedAt } = session;
  return { id, ...scopeObject(session), kept, address, lastUsedAt: isoDate(lastUsedAt), current: id === current };
}

function linkObject(link: LinkRecord): z.infer<typeof schemas.LinkObject> {
  return { id: link.id, ...scopeObject(link) };
}

function scopeObject({ token, permissions, servers, label, createdAt, expiresAt }: SessionRecord | LinkRecord) {
  return {
    token,
    permissions: [...permissions],
    servers: [...servers],
    label: label === '' ? undefined : label,
    createdAt: isoDate(createdAt),
    expiresAt: isoDate(expiresAt),
  };
}
