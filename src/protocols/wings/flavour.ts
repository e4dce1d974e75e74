/**
 * What the panels of the Wings family disagree about, one record for each. Routes ask the record; none asks which panel
 * it is. The facts are those of each panel's own daemon.
 */
import type { PanelFlavour } from '../../config/types.ts';

export const WINGS_FLAVOURS = ['pterodactyl', 'pelican', 'calagopus'] as const satisfies readonly PanelFlavour[];

export type WingsFlavour = (typeof WINGS_FLAVOURS)[number];

export interface FlavourFacts {
  /** What the daemon calls itself, before `/v<version> (id:<token id>)`. */
  readonly product: string;
  /**
   * `go`: no bodies but those of errors, which name the request from 400 on; `rust`: always a JSON object, in errors
   * with the text alone.
   */
  readonly answers: 'go' | 'rust';
  /** The panel takes a protected answer for the node's only with the product and the token id in a header of it. */
  readonly identifiesItself: boolean;
  /** `DELETE /api/servers/:s/deleteAllBackups`. */
  readonly deletesAllBackups: boolean;
  /** `DELETE /api/backups/:b`, for backups whose server has left the node. */
  readonly deletesWithoutServer: boolean;
  /** Whether the panel relies on the daemon to delete a server's backups together with the server. */
  readonly purgesWithServer: boolean;
  /** `GET /api/system?v=2`. */
  readonly longSystem: boolean;
  /** What a request to the panel accepts: it picks the panel's format by that. */
  readonly accepts: string;
  /**
   * `nullable`: `parts` of a report is null for an archive that the node keeps; `complete`: no field of a report may be
   * missing or null, and there are more of them.
   */
  readonly reports: 'nullable' | 'complete';
}

export const FLAVOURS: Readonly<Record<WingsFlavour, FlavourFacts>> = {
  pterodactyl: {
    product: 'Pterodactyl Wings',
    answers: 'go',
    identifiesItself: false,
    deletesAllBackups: false,
    deletesWithoutServer: false,
    purgesWithServer: false,
    longSystem: true,
    accepts: 'application/vnd.pterodactyl.v1+json',
    reports: 'nullable',
  },
  pelican: {
    product: 'Pelican Wings',
    answers: 'go',
    identifiesItself: true,
    deletesAllBackups: true,
    deletesWithoutServer: false,
    purgesWithServer: true,
    longSystem: true,
    accepts: 'application/json',
    reports: 'nullable',
  },
  calagopus: {
    product: 'calagopus-rs wings',
    answers: 'rust',
    identifiesItself: false,
    deletesAllBackups: false,
    deletesWithoutServer: true,
    purgesWithServer: false,
    longSystem: false,
    accepts: 'application/vnd.pterodactyl.v1+json',
    reports: 'complete',
  },
};

export function isWingsFlavour(flavour: PanelFlavour): flavour is WingsFlavour {
  return WINGS_FLAVOURS.some((known) => known === flavour);
}

interface Node {
  readonly facts: Pick<FlavourFacts, 'product'>;
  readonly credentials: { readonly tokenId: string };
  readonly version: string;
}

/** Who the node is, `Pelican Wings/v1.2.3 (id:…)`, to whoever asks it and whomever it asks. */
export function identityOf({ facts, credentials, version }: Node): string {
  return `${facts.product}/v${version} (id:${credentials.tokenId})`;
}
