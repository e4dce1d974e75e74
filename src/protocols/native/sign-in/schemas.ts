/** Requests and answers of signing in. */
import { z } from '@hono/zod-openapi';
import { isUuid } from '../../../base/ids.ts';
import { PERMISSIONS } from '../../../config/types.ts';

const LONGEST_SECRET = 4096;
const LONGEST_LABEL = 100;
const MOST_SERVERS = 1000;
const A_DAY = 24 * 60;

const permission = z.enum([...PERMISSIONS, '*']);
const server = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine((text) => text === '*' || isUuid(text), 'must be a UUID or *');
const date = z.string().openapi({ format: 'date-time' });

export const SignInBody = z
  .strictObject({
    token: z.string().min(1, 'must not be empty').max(LONGEST_SECRET, 'is too long').optional().openapi({
      description: 'A secret of `tokens` in the config',
    }),
    code: z
      .string()
      .max(64, 'is too long')
      .optional()
      .openapi({ description: 'Of a one-time link: what follows `#/in/` in it' }),
    keep: z
      .boolean()
      .optional()
      .openapi({ description: 'True: valid for 30 days, used or not; without it for 12 hours after the last use' }),
  })
  .refine(({ token, code }) => (token === undefined) !== (code === undefined), 'either a token or a code must be given')
  .openapi('SignIn');

export const LinkBody = z
  .strictObject({
    minutes: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(A_DAY, `must not be more than ${A_DAY}`)
      .optional()
      .openapi({ description: 'For how long it can be used; 15 without it' }),
    permissions: z.array(permission).min(1, 'must not be empty').max(20, 'holds too many').optional().openapi({
      description: 'What its session may; without it what its maker may, and never more than that',
    }),
    servers: z
      .array(server)
      .min(1, 'must not be empty')
      .max(MOST_SERVERS, 'holds too many')
      .optional()
      .openapi({ description: 'Servers that its session holds; without it those of its maker' }),
    label: z
      .string()
      .max(LONGEST_LABEL, `must not be longer than ${LONGEST_LABEL} characters`)
      // oxlint-disable-next-line no-control-regex -- control characters are what is refused
      .refine((text) => !/[\u0000-\u001f\u007f]/.test(text) && text.isWellFormed(), 'must be one line of text')
      .optional()
      .openapi({ description: 'Shown in the list of sessions' }),
  })
  .openapi('NewSessionLink');

const scope = {
  token: z.string().openapi({ description: 'The id of the token that it stands on' }),
  permissions: z.string().array(),
  servers: z.string().array().openapi({ description: 'UUIDs, or `*` for all' }),
  label: z.string().optional(),
  createdAt: date,
  expiresAt: date,
};

export const SessionObject = z
  .object({
    id: z.string(),
    ...scope,
    kept: z.boolean().openapi({ description: 'Valid until `expiresAt` without being used' }),
    address: z.string().openapi({ description: 'Of the last use' }),
    lastUsedAt: date,
    current: z.boolean().openapi({ description: 'The one that asks' }),
  })
  .openapi('Session');

export const SignedInObject = z
  .object({
    secret: z.string().openapi({ description: 'To be sent as `Authorization: Bearer …`; shown once' }),
    session: SessionObject,
  })
  .openapi('SignedIn');

export const CallerObject = z
  .object({
    token: z.string(),
    permissions: z.string().array(),
    servers: z.string().array(),
    session: SessionObject.optional().openapi({ description: 'Absent for a token of the config' }),
    nodeName: z.string().openapi({ description: 'The host name of the node' }),
    version: z.string(),
  })
  .openapi('Caller');

export const LinkObject = z.object({ id: z.string(), ...scope }).openapi('SessionLink');

export const NewLinkObject = LinkObject.extend({
  code: z.string().openapi({ description: 'Works once; shown once' }),
  url: z.string().openapi({ description: 'Opens the page signed in; without `api.public_url` relative to this node' }),
}).openapi('MadeSessionLink');

export const SessionsObject = z
  .object({
    sessions: SessionObject.array(),
    links: LinkObject.array().openapi({ description: 'Those that may still be used' }),
  })
  .openapi('Sessions');

export const SessionParams = z.object({ id: z.string().max(64).openapi({ description: 'Of a session or link' }) });
