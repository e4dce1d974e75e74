/**
 * The JSON in rows of servers and deliveries. Unknown keys are kept, because a newer version may have written them; a known
 * key with an unusable value counts as absent, so that one bad row does not make the whole list fail.
 */
import { z } from 'zod';
import type { DeliveryData, ServerSettings } from '../records.ts';

const flag = z.boolean().optional().catch(undefined);

const settings: z.ZodType<ServerSettings> = z.looseObject({
  panelName: z.string().optional().catch(undefined),
  givenUp: z
    .object({
      decidedAt: z.number(),
      sequence: z.number().optional().catch(undefined),
      unnumbered: z.array(z.string()).optional().catch(undefined),
      deleteAt: z.number(),
    })
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
