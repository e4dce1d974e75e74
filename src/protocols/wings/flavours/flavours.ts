/** The panels of the Wings family by the name that the config gives them (`panel.flavour`). */
import type { PanelFlavour } from '../../../config/types.ts';
import { calagopus } from './calagopus.ts';
import type { FlavourFacts } from './contract.ts';
import { pelican } from './pelican.ts';
import { pterodactyl } from './pterodactyl.ts';

export const FLAVOURS = { pterodactyl, pelican, calagopus } as const satisfies Partial<
  Record<PanelFlavour, FlavourFacts>
>;

export type WingsFlavour = keyof typeof FLAVOURS;

export function isWingsFlavour(flavour: PanelFlavour): flavour is WingsFlavour {
  return Object.hasOwn(FLAVOURS, flavour);
}
