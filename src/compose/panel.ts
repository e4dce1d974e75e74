/** The credentials and HTTP client of a node that belongs to a Wings-family panel. */
import type { Clock } from '../base/clock.ts';
import type { Catalogue } from '../catalogue/contract.ts';
import type { PanelConfig } from '../config/types.ts';
import type { FlavourFacts } from '../protocols/wings/flavours/contract.ts';
import { FLAVOURS, isWingsFlavour, type WingsFlavour } from '../protocols/wings/flavours/flavours.ts';
import { NodeCredentials } from '../protocols/wings/tokens/node-credentials.ts';
import { PanelClient } from '../protocols/wings/panel/client.ts';

export interface WingsPanel {
  readonly flavour: WingsFlavour;
  readonly url: string;
  readonly allowedOrigins: readonly string[];
  readonly credentials: NodeCredentials;
  readonly client: PanelClient;
}

/** @returns undefined without a panel, or with a panel of another family. */
export function composePanel(
  { flavour, connection, allowedOrigins }: PanelConfig,
  { keys }: Pick<Catalogue, 'keys'>,
  clock: Clock,
  version: string,
  isFront = false,
): WingsPanel | undefined {
  if (connection === null || !isWingsFlavour(flavour)) return undefined;
  const { url } = connection;
  const credentials = NodeCredentials.open(connection, keys);
  const facts: FlavourFacts = FLAVOURS[flavour];
  const browsable = isFront && facts.routes.browsesBackups === true;
  const client = new PanelClient({
    browsable,
    facts,
    credentials,
    panelUrl: url,
    version,
    clock,
    fetch: globalThis.fetch,
  });
  return { flavour, url, allowedOrigins, credentials, client };
}
