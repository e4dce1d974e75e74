import type { Clock } from './base/clock.ts';
import type { Catalogue } from './catalogue/contract.ts';
import type { WingsPanel } from './compose-panel.ts';
import type { PanelConfig } from './config/types.ts';
import type { Dialect } from './protocols/dialect.ts';
import { stellarStackOssDialect } from './protocols/stellar/stellarstack-oss.ts';
import { stellarStackDialect } from './protocols/stellar/stellarstack.ts';
import { Grants } from './protocols/wings/grants.ts';
import { wingsDialect } from './protocols/wings/wings.ts';

export interface DialectSurroundings {
  readonly panel: PanelConfig;
  /** Of the panels of its family. */
  readonly wings: WingsPanel | undefined;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
}

/** The dialects of the panel that this node belongs to, beside those that are always there. */
export function composeDialects({ panel, wings, catalogue, clock }: DialectSurroundings): readonly Dialect[] {
  const { flavour, connection } = panel;
  if (wings !== undefined) {
    const { url: panelUrl, client, ...parts } = wings;
    return [wingsDialect({ ...parts, panelUrl, panel: client, grants: Grants.open(catalogue, clock), clock })];
  }
  if (connection === null) return [];
  if (flavour === 'stellarstack') return [stellarStackDialect(connection)];
  if (flavour === 'stellarstack-oss') return [stellarStackOssDialect(connection, clock)];
  return [];
}
