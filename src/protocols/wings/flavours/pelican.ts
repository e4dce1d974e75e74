/** Pelican: its daemon is a fork of Pterodactyl's, with these differences. */
import type { FlavourFacts } from './contract.ts';
import { pterodactyl } from './pterodactyl.ts';

export const pelican: FlavourFacts = {
  ...pterodactyl,
  product: 'Pelican Wings',
  panel: { accepts: 'application/json' },
  routes: {
    ...pterodactyl.routes,
    limitsIgnored: false,
    identifiesItself: true,
    deletesAllBackups: true,
    purgesWithServer: true,
    transfersBackups: true,
  },
  socket: { ...pterodactyl.socket, closesSuspended: true, renewsOnExpiredAlone: true, most: 30 },
  tokens: {
    needsScope: true,
    scopesBetween: ' ',
    refusesOlderDownloads: true,
    needs: { socket: ['issuedAt', 'user', 'server'], download: ['issuedAt', 'user', 'server'] },
  },
  frames: {
    all: { every: 200, burst: 10 },
    events: new Map([
      ['auth', { every: 5000, burst: 2 }],
      ['send logs', { every: 5000, burst: 2 }],
      ['send command', { every: 1000, burst: 10 }],
      ['', { every: 1000, burst: 4 }],
    ]),
    reportsThrottling: true,
  },
};
