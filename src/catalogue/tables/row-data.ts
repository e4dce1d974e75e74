/**
 * What rows of servers and deliveries hold as JSON. Keys that this version does not know are kept, since a newer one may have
 * written them; a known key with a value of no use counts as absent, so that one row never hides all others.
 */
import { z } from 'zod';
import type { DeliveryData, ServerSettings } from '../records.ts';

const flag = z.boolean().optional().catch(undefined);

const settings: z.ZodType<ServerSettings> = z.looseObject({
  panelName: z.string().optional().catch(undefined),
  givenUp: z
    .object({ decidedAt: z.number(), sequence: z.number().optional().catch(undefined), deleteAt: z.number() })
    .optional()
    .catch(undefined),
});

const deliveryData: z.ZodType<DeliveryData> = z.looseObject({
  upload: flag,
  parts: z
    .array(z.object({ partNumber: z.number(), etag: z.string() }))
    .optional()
    .catch(undefined),
  partSize: z.number().optional().catch(undefined),
  reporting: flag,
  refused: flag,
});

/** @param json what `JSON.parse` made of the row's text. */
export function readSettings(json: unknown): ServerSettings {
  return settings.safeParse(json).data ?? {};
}

/** @param json what `JSON.parse` made of the row's text. */
export function readDeliveryData(json: unknown): DeliveryData {
  return deliveryData.safeParse(json).data ?? {};
}
