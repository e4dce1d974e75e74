import type { Clock } from './base/clock.ts';
import type { PanelConfig } from './config/types.ts';
import type { Dialect } from './protocols/dialect.ts';
import { stellarStackOssDialect } from './protocols/stellar/stellarstack-oss.ts';
import { stellarStackDialect } from './protocols/stellar/stellarstack.ts';

/** The dialects of the panel that this node belongs to, beside those that are always there. */
export function composeDialects({ flavour, connection }: PanelConfig, clock: Clock): readonly Dialect[] {
  if (connection === null) return [];
  if (flavour === 'stellarstack') return [stellarStackDialect(connection)];
  if (flavour === 'stellarstack-oss') return [stellarStackOssDialect(connection, clock)];
  return [];
}
