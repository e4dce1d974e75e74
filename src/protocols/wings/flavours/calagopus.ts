/** Calagopus: the facts of its daemon, wings-rs (Rust, axum). */
import { rustAnswers } from '../answers/rust.ts';
import { rustEvents } from '../socket/events.ts';
import { rustMessages } from '../socket/messages.ts';
import type { FlavourFacts } from './contract.ts';

export const calagopus: FlavourFacts = {
  product: 'calagopus-rs wings',
  panel: { accepts: 'application/vnd.pterodactyl.v1+json', completeReports: true },
  routes: {
    deletesWithoutServer: true,
    kernelArchitecture: true,
    versionSuffix: ':roost',
    refusesMalformedServers: true,
    refusesKnownServers: true,
    needsJsonLabel: true,
    strictBodies: true,
    namesMissingArchive: true,
    missingUrl: 'unable to restore s3 backup without download_url',
  },
  socket: {
    anyOrigin: true,
    most: 100,
    messages: rustMessages,
    events: rustEvents,
    unknownServer: 'server not found',
  },
  tokens: {
    refusesOlderDownloads: true,
    needs: {
      socket: ['issuer', 'id', 'issuedAt', 'expiresAt', 'user', 'server'],
      download: ['issuer', 'id', 'issuedAt', 'expiresAt', 'backup', 'uniqueId'],
    },
    lackingIsMalformed: true,
    refusesFuture: true,
  },
  // Its daemon has no limit; this one is far above what its pages send.
  frames: { all: { every: 50, burst: 60 } },
  download: {
    takesBackupAlone: true,
    contentType: 'application/gzip',
    refusals: {
      invalid: [401, 'invalid token'],
      'not granted': [401, 'invalid token'],
      used: [401, 'token has already been used'],
      busy: [429, 'This download has too many open connections.'],
      'unknown server': [404, 'server not found'],
      missing: [404, 'backup not found'],
      broken: [417, 'failed to download backup'],
    },
    refusalType: 'application/json',
    hidesRequestId: true,
  },
  answers: rustAnswers,
};
