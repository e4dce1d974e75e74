/**
 * Calagopus: the facts of its daemon, wings-rs (Rust, axum), as of release 1.1. Sources: calagopus/panel 76dfc96,
 * calagopus/wings 0cbf727a and later.
 */
import { rustAnswers } from '../answers/rust.ts';
import { rustEvents } from '../socket/events.ts';
import { rustMessages, rustProblems } from '../socket/messages.ts';
import type { FlavourFacts } from './contract.ts';

export const calagopus: FlavourFacts = {
  product: 'calagopus wings',
  panel: {
    accepts: 'application/vnd.pterodactyl.v1+json',
    completeReports: true,
    resetFailsBackups: true,
    partsInPieces: true,
  },
  routes: {
    deletesWithoutServer: true,
    browsesBackups: true,
    reportsDeletions: true,
    changesPermissions: true,
    showsOverview: true,
    kernelArchitecture: true,
    versionSuffix: ':roost',
    refusesMalformedServers: true,
    refusesKnownServers: true,
    needsJsonLabel: true,
    messagePack: true,
    strictBodies: true,
    namesMissingArchive: true,
    matchesRawPath: true,
    missingUrl: 'unable to restore s3 backup without download_url',
  },
  socket: {
    anyOrigin: true,
    most: 100,
    messages: rustMessages,
    events: rustEvents,
    unknownServer: 'server not found',
    tooMany: [429, 'too many connections'],
    messagePack: true,
  },
  tokens: {
    needsScope: true,
    scopesBetween: ',',
    refusesOlderDownloads: true,
    needs: {
      socket: ['issuer', 'id', 'issuedAt', 'expiresAt', 'user', 'server'],
      download: ['issuer', 'id', 'issuedAt', 'expiresAt', 'backup', 'uniqueId'],
      files: ['issuer', 'id', 'issuedAt', 'expiresAt', 'server', 'uniqueId'],
    },
    lackingIsMalformed: true,
    refusesFuture: true,
    aheadBy: 5,
  },
  // Its daemon has no limit; this one is far above what its pages send.
  frames: { all: { every: 50, burst: 60 } },
  download: {
    takesBackupAlone: true,
    contentType: 'application/gzip',
    refusals: {
      invalid: [401, 'invalid token'],
      expired: [401, rustProblems.expired],
      'too early': [401, rustProblems['too early']],
      'issued too early': [401, rustProblems['issued too early']],
      denied: [401, rustProblems.denied],
      'not permitted': [401, 'invalid token'],
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
