/** Pterodactyl: the facts of its daemon, Wings (Go). */
import { goAnswers } from '../answers/go.ts';
import { goEvents } from '../socket/events.ts';
import { goMessages } from '../socket/messages.ts';
import type { FlavourFacts } from './contract.ts';

const UNEXPECTED = 'An unexpected error was encountered while processing this request';
const RESOURCE_NOT_FOUND = 'The requested resource was not found on this server.';

export const pterodactyl: FlavourFacts = {
  product: 'Pterodactyl Wings',
  panel: { accepts: 'application/vnd.pterodactyl.v1+json' },
  routes: {
    longSystem: true,
    limitsIgnored: true,
    missingUrl: 'The download_url field is required when the backup adapter is set to S3.',
  },
  socket: {
    most: 100,
    messages: goMessages,
    events: goEvents,
    unknownServer: 'The requested resource does not exist on this instance.',
    tooMany: [400, 'Too many open websocket connections.'],
  },
  tokens: { scopesBetween: ' ', needs: { socket: ['issuedAt'], download: [] } },
  // Its daemon has no limit; this one is far above what its pages send.
  frames: { all: { every: 50, burst: 60 } },
  download: {
    contentType: 'application/octet-stream',
    refusals: {
      invalid: [500, UNEXPECTED],
      expired: [500, UNEXPECTED],
      'too early': [500, UNEXPECTED],
      'issued too early': [500, UNEXPECTED],
      denied: [404, RESOURCE_NOT_FOUND],
      'not permitted': [404, RESOURCE_NOT_FOUND],
      used: [404, RESOURCE_NOT_FOUND],
      busy: [429, 'This download has too many open connections.'],
      'unknown server': [404, RESOURCE_NOT_FOUND],
      missing: [404, 'The requested backup was not found on this server.'],
      broken: [500, UNEXPECTED],
    },
    refusalType: 'application/json; charset=utf-8',
  },
  answers: goAnswers,
};
