/** Answers about the state of this node. */
import { z } from '@hono/zod-openapi';

export const DoctorObject = z
  .object({
    healthy: z.boolean().openapi({ description: 'True when every finding is ok' }),
    findings: z.array(
      z.object({
        check: z.string().openapi({ description: 'Stable name of the check, such as `store` or `protection`' }),
        level: z
          .enum(['ok', 'warning', 'fault'])
          .openapi({ description: 'warning: works, but needs attention; fault: does not work, or will not' }),
        message: z.string(),
        hint: z.string().optional().openapi({ description: 'How to mend it' }),
      }),
    ),
  })
  .openapi('Doctor');

export const HealthObject = z.object({ status: z.literal('ok') });
