import type { Clock } from '../base/clock.ts';
import type { WingsPanel } from './panel.ts';
import type { PanelConfig } from '../config/types.ts';
import type { Dialect } from '../protocols/dialect.ts';
import { stellarStackOssDialect } from '../protocols/stellar/stellarstack-oss.ts';
import { stellarStackDialect } from '../protocols/stellar/stellarstack.ts';
import type { TokenDenylist } from '../protocols/wings/tokens/denylist.ts';
import { nodeSocketDialect } from '../protocols/wings/node-socket.ts';
import { wingsDialect } from '../protocols/wings/wings.ts';

export interface DialectDeps {
  readonly panel: PanelConfig;
  /** Set when the panel speaks the Wings protocol. */
  readonly wings: WingsPanel | undefined;
  readonly denylist: TokenDenylist;
  readonly clock: Clock;
}

/** The dialects that the configured panel needs, or the plain socket dialect without a panel. */
export function composeDialects({ panel, wings, denylist, clock }: DialectDeps): readonly Dialect[] {
  if (wings !== undefined) {
    const { url: panelUrl, client, ...parts } = wings;
    return [wingsDialect({ ...parts, panelUrl, panel: client, denylist, clock })];
  }
  return [...stellarDialects(panel, clock), nodeSocketDialect(denylist, panel.allowedOrigins)];
}

function stellarDialects({ flavour, connection }: PanelConfig, clock: Clock): readonly Dialect[] {
  if (connection === null) return [];
  if (flavour === 'stellarstack') return [stellarStackDialect(connection)];
  if (flavour === 'stellarstack-oss') return [stellarStackOssDialect(connection, clock)];
  return [];
}
