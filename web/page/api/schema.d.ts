/** Generated from /openapi.json by `npm run page:types`; changes by hand are lost. */
export interface paths {
  '/metrics': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * The state of this node for Prometheus
     * @description Gauges of servers are those that the token holds; counters are of the whole node.
     */
    get: operations['getMetrics'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/client': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The servers that the token holds */
    get: operations['clientListServers'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/client/servers/{server}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One server */
    get: operations['clientGetServer'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/client/servers/{server}/websocket': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * A token and the address of the server’s socket
     * @description The first frame is `{"event":"auth","args":[token]}`. The token lives for ten minutes; `token expiring` asks for another one.
     */
    get: operations['clientGetWebsocket'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/client/servers/{server}/backups': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** List backups, newest first */
    get: operations['clientListBackups'];
    put?: never;
    /**
     * Create a backup
     * @description Answers at once; poll the details until `completed_at` is set, or `is_successful` is false.
     */
    post: operations['clientCreateBackup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/client/servers/{server}/backups/{backup}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One backup */
    get: operations['clientGetBackup'];
    put?: never;
    post?: never;
    /** Delete a backup for good */
    delete: operations['clientDeleteBackup'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/client/servers/{server}/backups/{backup}/restore': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Restore the server from a backup
     * @description Answers at once; the server’s `status` is `restoring_backup` until it has ended.
     */
    post: operations['clientRestoreBackup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/client/servers/{server}/backups/{backup}/lock': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Turn the protection from deletion on, or off */
    post: operations['clientLockBackup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/client/servers/{server}/backups/{backup}/download': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A signed URL of the archive, valid for one hour */
    get: operations['clientGetDownload'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * List backups, newest first
     * @description All of them in one array; with `limit`, a page, whose `Link` header (RFC 8288) leads to the next one.
     */
    get: operations['listBackups'];
    put?: never;
    /**
     * Create a backup
     * @description Answers when the backup has ended; with `Prefer: respond-async` at once. A request that is sent again with its own id, after a lost answer, is answered with the backup that it made, or makes (202).
     */
    post: operations['createBackup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/delete': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /** Delete a backup for good */
    delete: operations['deleteBackup'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/lock': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    /** Protect a backup from deletion, or end that */
    patch: operations['lockBackup'];
    trace?: never;
  };
  '/api/servers/{server}/backups/estimate': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** What a backup with these patterns would hold */
    post: operations['estimateBackup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/restore': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Restore the server from a backup
     * @description Answers when it has ended; with `Prefer: respond-async` at once.
     */
    post: operations['restoreBackup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/undo': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Put back what the newest restore of this backup set aside
     * @description Possible for the hours that the restore was given as keepPrevious. Answers when it has ended; with `Prefer: respond-async` at once.
     */
    post: operations['undoRestore'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/download-token': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * A signed token for one download, valid for five minutes
     * @description With `paths`, for one file as it is, or for a tar.gz of several; the address then ends with the rights of who asked for it, too.
     */
    post: operations['createDownloadToken'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/download': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Download a backup with a signed token
     * @description Takes `Range`, `If-Range` and HEAD; the ETag is the sha256 of the archive. No bearer token is needed. A selection is made while it is sent, without ranges or an ETag.
     */
    get: operations['downloadBackup'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/preview': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * What a restore would do, without a job
     * @description Read from the backup’s index and the live tree. A restore takes the id as `preview`.
     */
    post: operations['previewRestore'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/compare': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * What changed from this backup to another, or to the server now
     * @description What the ignore list of the backup covers is passed over in the live tree.
     */
    get: operations['compareBackup'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/comparisons/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** A page of a preview or a comparison */
    get: operations['listComparison'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/find': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Where a name is in the backup */
    get: operations['findInBackup'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/find': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Where a name is in the backups of the server, with its versions
     * @description Each page looks into twenty backups, the newest first.
     */
    get: operations['findInServer'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One backup */
    get: operations['getBackup'];
    put?: never;
    post?: never;
    /**
     * Delete a backup for good
     * @description The same as `DELETE …/backups/delete?id=`.
     */
    delete: operations['deleteBackupById'];
    options?: never;
    head?: never;
    /** Give the backup another name */
    patch: operations['renameBackup'];
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/warnings': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The warnings of the backup, by pages */
    get: operations['listWarnings'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/cancel': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Cancel whatever runs on the backup */
    post: operations['cancelBackup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/verify': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Read the archive through and compare it with its record
     * @description Answers when that has ended; with `Prefer: respond-async` at once.
     */
    post: operations['verifyBackup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/accept': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Accept a suspect backup as good */
    post: operations['acceptBackup'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/files': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One directory level of the backup */
    get: operations['listFiles'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/files/content': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One file out of the backup */
    get: operations['getFile'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/session': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Who asks, and what it may */
    get: operations['getSession'];
    put?: never;
    /**
     * Sign in with a token of the config, or with the code of a one-time link
     * @description Ten failures within a minute from one address are answered 429.
     */
    post: operations['signIn'];
    /** Sign out: ends the session that asks, and its sockets */
    delete: operations['signOut'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/session/links': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Make a one-time link that signs in, with at most what the caller may */
    post: operations['createSessionLink'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/sessions': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** All sessions, and the links that may still be used */
    get: operations['listSessions'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/sessions/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /** Take a session or link away, with all that came about by it */
    delete: operations['endSession'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The servers that the token holds */
    get: operations['listServers'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** One server */
    get: operations['getServer'];
    put?: never;
    post?: never;
    /**
     * Decide about the backups of a server that is given up
     * @description The server’s own directory is never touched. Locked backups stay; a later call replaces the decision.
     */
    delete: operations['giveUpServer'];
    options?: never;
    head?: never;
    /** Suspend a server, or end that */
    patch: operations['updateServer'];
    trace?: never;
  };
  '/api/jobs': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * Jobs of the servers that the token holds
     * @description All that are queued or run, and the newest of those that have ended; with `limit` or `before`, a page.
     */
    get: operations['listJobs'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/jobs/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * One job
     * @description For who may read the node, and for who may begin such jobs of the server.
     */
    get: operations['getJob'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    /** Pace a queued or running job */
    patch: operations['setJobRates'];
    trace?: never;
  };
  '/api/system': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The state of this node */
    get: operations['getSystem'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/doctor': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * What is wrong on this node, and how to mend it
     * @description Servers without a good backup, damage, stores, space, what is owed to a panel: what `roost doctor` prints.
     */
    get: operations['examineNode'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/health': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Whether the daemon answers */
    get: operations['getHealth'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/schedules': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** The schedules that make backups of servers which the token holds */
    get: operations['listSchedules'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/report': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * How well the node is protected, in figures
     * @description Age of the last good backups against their schedules, lag of copies, days until stores are full.
     */
    get: operations['getReport'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/history': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Every attempt at a backup of the last days, also of backups that are gone */
    get: operations['listHistory'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/retention': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Which backups retention would let go now, and why the others stay */
    get: operations['planRetention'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/retention/apply': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Remove all that retention lets go now
     * @description Other runs remove at most half of what a server has; this one removes all of it.
     */
    post: operations['applyRetention'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/panel/reports': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Reports that the panel is owed */
    get: operations['listPanelReports'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/panel/reports/retry': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Try again at once what waits, and what the panel refused */
    post: operations['retryPanelReports'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/panel/reports/{id}': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    post?: never;
    /** Give a report up: the panel is never told */
    delete: operations['dropPanelReport'];
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/notify/channels': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** Channels of notifications, and what waits for each */
    get: operations['listChannels'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/notify/test': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /** Send a test to each channel, or to one */
    post: operations['testChannels'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/vaults': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /**
     * What each server takes in stores whose archives share bytes
     * @description Where a vault cannot say which servers it has, the error says what is known of the others.
     */
    get: operations['listVaults'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/vaults/collect': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Give back what no backup needs
     * @description It also runs after each removal. Where something of a server cannot be read, nothing of it is removed, and it fails; the others are collected all the same. The error then says what was given back, and all that failed.
     */
    post: operations['collectVaults'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/vaults/verify': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Read each needed byte once, and prove all backups that have it
     * @description Answers when that has ended; ends when the caller hangs up. Damaged backups are marked, and healed from whole copies. Where a vault cannot say which servers it has, the others are verified all the same, and the error says what was found.
     */
    post: operations['verifyVaults'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/vaults/adopt': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    get?: never;
    put?: never;
    /**
     * Make plain archives that lie in a vault part of it
     * @description No byte is copied: the file of an archive becomes a pack. Behind one that fails the others are taken in all the same; the error then says which, and all that failed.
     */
    post: operations['adoptIntoVaults'];
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
  '/api/servers/{server}/backups/{id}/places': {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    /** What the backup added to its store, and what its removal would give back */
    get: operations['getBackupPlaces'];
    put?: never;
    post?: never;
    delete?: never;
    options?: never;
    head?: never;
    patch?: never;
    trace?: never;
  };
}
export type webhooks = Record<string, never>;
export interface components {
  schemas: {
    Event:
      | components['schemas']['Snapshot']
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'backup.started';
          server: string;
          backup?: string;
          job?: string;
          data: Record<string, never>;
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'backup.progress';
          server: string;
          backup?: string;
          job?: string;
          data: {
            phase: string;
            bytesDone: number;
            bytesTotal: number;
            filesDone: number;
            filesTotal: number;
            bytesPerSecond: number;
            etaSeconds: number | null;
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'backup.completed';
          server: string;
          backup?: string;
          job?: string;
          data: {
            name: string;
            status: string;
            size: number;
            rawSize: number;
            sha256: string | null;
            files: number;
            reusedBytes: number;
            warningCount: number;
            locked: boolean;
            store: string;
            suspect?: {
              reason: string;
              message: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'backup.failed';
          server: string;
          backup?: string;
          job?: string;
          data: {
            error: {
              /** @enum {string} */
              code:
                | 'invalid_request'
                | 'backup_not_ready'
                | 'backup_failed'
                | 'server_suspended'
                | 'too_many_backups'
                | 'unauthorized'
                | 'forbidden'
                | 'backup_locked'
                | 'server_not_found'
                | 'backup_not_found'
                | 'path_not_found'
                | 'job_not_found'
                | 'backup_exists'
                | 'server_busy'
                | 'preview_outdated'
                | 'not_running'
                | 'too_large'
                | 'archive_damaged'
                | 'draining'
                | 'store_unreachable'
                | 'insufficient_storage'
                | 'cancelled'
                | 'interrupted'
                | 'config_invalid'
                | 'internal';
              message: string;
              hint?: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'backup.cancelled';
          server: string;
          backup?: string;
          job?: string;
          data: {
            error: {
              /** @enum {string} */
              code:
                | 'invalid_request'
                | 'backup_not_ready'
                | 'backup_failed'
                | 'server_suspended'
                | 'too_many_backups'
                | 'unauthorized'
                | 'forbidden'
                | 'backup_locked'
                | 'server_not_found'
                | 'backup_not_found'
                | 'path_not_found'
                | 'job_not_found'
                | 'backup_exists'
                | 'server_busy'
                | 'preview_outdated'
                | 'not_running'
                | 'too_large'
                | 'archive_damaged'
                | 'draining'
                | 'store_unreachable'
                | 'insufficient_storage'
                | 'cancelled'
                | 'interrupted'
                | 'config_invalid'
                | 'internal';
              message: string;
              hint?: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'backup.deleted';
          server: string;
          backup?: string;
          job?: string;
          data: {
            name: string;
            status: string;
            size: number;
            rawSize: number;
            sha256: string | null;
            files: number;
            reusedBytes: number;
            warningCount: number;
            locked: boolean;
            store: string;
            suspect?: {
              reason: string;
              message: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'backup.locked';
          server: string;
          backup?: string;
          job?: string;
          data: {
            name: string;
            status: string;
            size: number;
            rawSize: number;
            sha256: string | null;
            files: number;
            reusedBytes: number;
            warningCount: number;
            locked: boolean;
            store: string;
            suspect?: {
              reason: string;
              message: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'backup.verified';
          server: string;
          backup?: string;
          job?: string;
          data: {
            name: string;
            status: string;
            size: number;
            rawSize: number;
            sha256: string | null;
            files: number;
            reusedBytes: number;
            warningCount: number;
            locked: boolean;
            store: string;
            suspect?: {
              reason: string;
              message: string;
            };
            ok: boolean;
            error?: {
              /** @enum {string} */
              code:
                | 'invalid_request'
                | 'backup_not_ready'
                | 'backup_failed'
                | 'server_suspended'
                | 'too_many_backups'
                | 'unauthorized'
                | 'forbidden'
                | 'backup_locked'
                | 'server_not_found'
                | 'backup_not_found'
                | 'path_not_found'
                | 'job_not_found'
                | 'backup_exists'
                | 'server_busy'
                | 'preview_outdated'
                | 'not_running'
                | 'too_large'
                | 'archive_damaged'
                | 'draining'
                | 'store_unreachable'
                | 'insufficient_storage'
                | 'cancelled'
                | 'interrupted'
                | 'config_invalid'
                | 'internal';
              message: string;
              hint?: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'restore.started';
          server: string;
          backup?: string;
          job?: string;
          data: Record<string, never>;
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'restore.progress';
          server: string;
          backup?: string;
          job?: string;
          data: {
            phase: string;
            bytesDone: number;
            bytesTotal: number;
            filesDone: number;
            filesTotal: number;
            bytesPerSecond: number;
            etaSeconds: number | null;
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'restore.completed';
          server: string;
          backup?: string;
          job?: string;
          data: {
            entries?: number;
            files?: number;
            bytes?: number;
            hostile?: number;
            removed?: number;
            skipped?: number;
            warnings?: {
              path: string;
              code: string;
              message: string;
            }[];
            warningCount?: number;
            /** @description Unix milliseconds */
            undoUntil?: number;
            undo?: boolean;
            dryRun?: boolean;
            counts?: {
              added: number;
              replaced: number;
              deleted: number;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'restore.failed';
          server: string;
          backup?: string;
          job?: string;
          data: {
            error: {
              /** @enum {string} */
              code:
                | 'invalid_request'
                | 'backup_not_ready'
                | 'backup_failed'
                | 'server_suspended'
                | 'too_many_backups'
                | 'unauthorized'
                | 'forbidden'
                | 'backup_locked'
                | 'server_not_found'
                | 'backup_not_found'
                | 'path_not_found'
                | 'job_not_found'
                | 'backup_exists'
                | 'server_busy'
                | 'preview_outdated'
                | 'not_running'
                | 'too_large'
                | 'archive_damaged'
                | 'draining'
                | 'store_unreachable'
                | 'insufficient_storage'
                | 'cancelled'
                | 'interrupted'
                | 'config_invalid'
                | 'internal';
              message: string;
              hint?: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'verify.started';
          server: string;
          backup?: string;
          job?: string;
          data: Record<string, never>;
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'verify.progress';
          server: string;
          backup?: string;
          job?: string;
          data: {
            phase: string;
            bytesDone: number;
            bytesTotal: number;
            filesDone: number;
            filesTotal: number;
            bytesPerSecond: number;
            etaSeconds: number | null;
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'verify.completed';
          server: string;
          backup?: string;
          job?: string;
          data: {
            /** @description The further store whose copy was read; absent for the backup */
            copy?: string;
            /** @description The index beside the archive, which is whole, was damaged or missing. takenFrom: the store that the right one was taken from; without it the archive is read through from now on */
            index?: {
              /** @enum {string} */
              found: 'damaged' | 'missing';
              takenFrom?: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'verify.failed';
          server: string;
          backup?: string;
          job?: string;
          data: {
            error: {
              /** @enum {string} */
              code:
                | 'invalid_request'
                | 'backup_not_ready'
                | 'backup_failed'
                | 'server_suspended'
                | 'too_many_backups'
                | 'unauthorized'
                | 'forbidden'
                | 'backup_locked'
                | 'server_not_found'
                | 'backup_not_found'
                | 'path_not_found'
                | 'job_not_found'
                | 'backup_exists'
                | 'server_busy'
                | 'preview_outdated'
                | 'not_running'
                | 'too_large'
                | 'archive_damaged'
                | 'draining'
                | 'store_unreachable'
                | 'insufficient_storage'
                | 'cancelled'
                | 'interrupted'
                | 'config_invalid'
                | 'internal';
              message: string;
              hint?: string;
            };
            /** @description The further store whose copy was read; absent for the backup */
            copy?: string;
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'copy.changed';
          server: string;
          backup?: string;
          job?: string;
          data: {
            store: string;
            /** @enum {string} */
            state: 'completed' | 'failed';
            error?: {
              /** @enum {string} */
              code:
                | 'invalid_request'
                | 'backup_not_ready'
                | 'backup_failed'
                | 'server_suspended'
                | 'too_many_backups'
                | 'unauthorized'
                | 'forbidden'
                | 'backup_locked'
                | 'server_not_found'
                | 'backup_not_found'
                | 'path_not_found'
                | 'job_not_found'
                | 'backup_exists'
                | 'server_busy'
                | 'preview_outdated'
                | 'not_running'
                | 'too_large'
                | 'archive_damaged'
                | 'draining'
                | 'store_unreachable'
                | 'insufficient_storage'
                | 'cancelled'
                | 'interrupted'
                | 'config_invalid'
                | 'internal';
              message: string;
              hint?: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'vault.collected';
          server: string;
          backup?: string;
          job?: string;
          data: {
            store: string;
            packs: number;
            freedBytes: number;
            movedBytes: number;
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'vault.damaged';
          server: string;
          backup?: string;
          job?: string;
          data: {
            store: string;
            backups: string[];
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'schedule.missed';
          server: string;
          backup?: string;
          job?: string;
          data: {
            cron: string;
            missed: number;
            run: boolean;
            error?: {
              /** @enum {string} */
              code:
                | 'invalid_request'
                | 'backup_not_ready'
                | 'backup_failed'
                | 'server_suspended'
                | 'too_many_backups'
                | 'unauthorized'
                | 'forbidden'
                | 'backup_locked'
                | 'server_not_found'
                | 'backup_not_found'
                | 'path_not_found'
                | 'job_not_found'
                | 'backup_exists'
                | 'server_busy'
                | 'preview_outdated'
                | 'not_running'
                | 'too_large'
                | 'archive_damaged'
                | 'draining'
                | 'store_unreachable'
                | 'insufficient_storage'
                | 'cancelled'
                | 'interrupted'
                | 'config_invalid'
                | 'internal';
              message: string;
              hint?: string;
            };
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'server.status';
          server: string;
          backup?: string;
          job?: string;
          data: {
            /** @enum {string} */
            status: 'READY' | 'BACKING_UP' | 'RESTORING';
            suspended?: boolean;
            power?: string;
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'job.queued';
          server: string;
          backup?: string;
          job?: string;
          data: {
            /** @enum {string} */
            kind: 'backup' | 'restore' | 'verify' | 'delete';
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'store.changed';
          server?: string;
          backup?: string;
          job?: string;
          data: {
            store: string;
            /** @enum {string} */
            state: 'up' | 'full' | 'away';
            freeBytes: number | null;
            /** @description Why it is away */
            reason?: string;
          };
        }
      | {
          /** @description Never decreases on a socket */
          seq: number;
          /** Format: date-time */
          at: string;
          /** @enum {string} */
          type: 'alive';
          data: Record<string, never>;
        };
    /** @description The first frame, and again after a reader was too slow */
    Snapshot: {
      /** @description Never decreases on a socket */
      seq: number;
      /** Format: date-time */
      at: string;
      /** @enum {string} */
      type: 'snapshot';
      server?: string;
      data: {
        jobs: components['schemas']['Job'][];
      };
    };
    Job: {
      id: string;
      /** @enum {string} */
      kind: 'backup' | 'restore' | 'verify' | 'delete';
      /**
       * @description A restore that puts back what the last one set aside
       * @enum {boolean}
       */
      undo?: true;
      /** @description A verification that reads the copy in that further store */
      copy?: string;
      server: string;
      backup: string;
      /** @enum {string} */
      state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
      phase: string;
      progress?: {
        phase: string;
        bytesDone: number;
        bytesTotal: number;
        filesDone: number;
        filesTotal: number;
        bytesPerSecond: number;
        etaSeconds: number | null;
      };
      position?: number;
      /** Format: date-time */
      createdAt: string;
      /** Format: date-time */
      startedAt?: string;
      /** Format: date-time */
      endedAt?: string;
      error?: {
        code: string;
        message: string;
        hint?: string;
      };
      /** @description Who asked for it; absent where that is not known */
      caller?: {
        /** @enum {string} */
        by: 'schedule' | 'panel' | 'retention' | 'verification' | 'token';
        /** @description The token’s id in the config */
        token?: string;
      };
      /** @description What came of it, in numbers: as the answer to a waiting caller has it */
      result?: {
        [key: string]: number | string | boolean;
      };
    };
    /**
     * @example {
     *       "error": "There is no such backup",
     *       "code": "backup_not_found",
     *       "requestId": "5f0c3c0e-5d0a-4b9e-8a39-5a1d2f3c4b5a"
     *     }
     */
    Error: {
      /** @description A sentence for people; it may change */
      error: string;
      /**
       * @description Stable; docs/errors.md says what each means
       * @enum {string}
       */
      code:
        | 'invalid_request'
        | 'backup_not_ready'
        | 'backup_failed'
        | 'server_suspended'
        | 'too_many_backups'
        | 'unauthorized'
        | 'forbidden'
        | 'backup_locked'
        | 'server_not_found'
        | 'backup_not_found'
        | 'path_not_found'
        | 'job_not_found'
        | 'backup_exists'
        | 'server_busy'
        | 'preview_outdated'
        | 'not_running'
        | 'too_large'
        | 'archive_damaged'
        | 'draining'
        | 'store_unreachable'
        | 'insufficient_storage'
        | 'cancelled'
        | 'interrupted'
        | 'config_invalid'
        | 'internal'
        | 'not_found'
        | 'method_not_allowed'
        | 'upgrade_required';
      /** @description What to do about it */
      hint?: string;
      requestId: string;
    };
    ClientServer: {
      /** @enum {string} */
      object: 'server';
      attributes: {
        uuid: string;
        identifier: string;
        name: string;
        /** @enum {string|null} */
        status: 'suspended' | 'restoring_backup' | null;
        is_suspended: boolean;
        is_installing: boolean;
        is_transferring: boolean;
      };
    };
    ClientErrors: {
      errors: {
        code: string;
        status: string;
        detail: string;
        meta?: {
          source_field: string;
          rule: string;
        };
      }[];
    };
    ClientBackup: {
      /** @enum {string} */
      object: 'backup';
      attributes: {
        uuid: string;
        name: string;
        ignored_files: string[];
        sha256_hash: string | null;
        /** @description As the live panel shows it: `sha256:<hex>` */
        checksum: string | null;
        bytes: number;
        created_at: string;
        completed_at: string | null;
        /** @description null while it is being made */
        is_successful: boolean | null;
        is_locked: boolean;
      };
    };
    ClientCreateBackup: {
      /** @description A name is made without it */
      name?: string | null;
      /** @description Patterns of what to leave out, one per line */
      ignored?: string;
      /** @description Protects from deletion; false without it */
      is_locked?: boolean;
    };
    ClientRestoreBackup: {
      /** @description Removes existing files; true without it */
      truncate?: boolean;
      /** @description Truncates also where the backup puts back nothing, or passes over what would be removed */
      force?: boolean;
    };
    Backup: {
      id: string;
      name: string;
      /** @description Bytes of the archive */
      size: number;
      checksum: string | null;
      /** @enum {string} */
      checksumType: 'sha256';
      /** @enum {string} */
      status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED' | 'RESTORING';
      isLocked: boolean;
      storagePath: string;
      serverId: string;
      ignoredFiles: string[];
      /** @description In lists: how many lines there are, where `ignoredFiles` holds the first ones only */
      ignoredFilesCount?: number;
      /** Format: date-time */
      completedAt: string | null;
      /** Format: date-time */
      createdAt: string;
      /** Format: date-time */
      updatedAt: string;
      /** @description The first ones; in lists absent where there are many. More: …/backups/{id}/warnings */
      warnings?: {
        path: string;
        code: string;
        message: string;
      }[];
      /** @description All warnings; the list is bounded */
      warningCount: number;
      files: number;
      /** @description Bytes of all files, uncompressed */
      rawSize: number;
      /** @description Bytes of the archive that were copied from an older one */
      reusedBytes: number;
      /** @description Bytes that it added to its store: fewer than `size` in a vault; absent where not known */
      storedBytes?: number;
      /** @description How its files were kept still while they were read; absent where they were not */
      quiesced?: {
        /** @description By the commands of a game (`minecraft_java`, `minecraft_bedrock`), by `config`, `program` or `rcon` */
        how: string;
        /** @description What the game said */
        heard?: string;
      };
      store: string;
      /** @description In further stores, each with its own state */
      copies?: {
        store: string;
        /** @enum {string} */
        state: 'pending' | 'completed' | 'failed';
        /** Format: date-time */
        updatedAt: string;
        /**
         * Format: date-time
         * @description When it was last read to its end and found whole
         */
        verifiedAt?: string;
        /**
         * Format: date-time
         * @description When it was found damaged; absent once it was made anew
         */
        damagedAt?: string;
        error?: {
          code: string;
          message: string;
        };
      }[];
      error?: {
        code: string;
        message: string;
      };
      /** Format: date-time */
      verifiedAt?: string;
      /** Format: date-time */
      damagedAt?: string;
      /** @description In the answer 202: the job, to be followed at /api/jobs/{id} */
      jobId?: string;
      /** @description Why it is not taken for a good backup until it is accepted */
      suspect?: {
        /** @enum {string} */
        reason: 'empty' | 'shrunken_files' | 'shrunken_bytes' | 'unreadable';
        message: string;
      };
      /**
       * Format: date-time
       * @description When an operator accepted a suspect backup
       */
      acceptedAt?: string;
      /** @description The order of making; absent for one made elsewhere */
      sequence?: number;
      /** @description Who asked for it; absent where that is not known */
      origin?: {
        /** @enum {string} */
        by: 'schedule' | 'panel' | 'retention' | 'verification' | 'token';
        /** @description The token’s id in the config */
        token?: string;
      };
      /**
       * Format: date-time
       * @description When its job began to run
       */
      startedAt?: string;
      /** @description How long its job ran */
      seconds?: number;
      /** @description False when the node chose the name */
      named?: boolean;
    };
    BackupSummary: {
      id: string;
      name: string;
      /** @description Bytes of the archive */
      size: number;
      checksum: string | null;
      /** @enum {string} */
      checksumType: 'sha256';
      /** @enum {string} */
      status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED' | 'RESTORING';
      isLocked: boolean;
      storagePath: string;
      serverId: string;
      /** Format: date-time */
      completedAt: string | null;
      /** Format: date-time */
      createdAt: string;
      /** Format: date-time */
      updatedAt: string;
      /** @description All warnings; the list is bounded */
      warningCount: number;
      files: number;
      /** @description Bytes of all files, uncompressed */
      rawSize: number;
      /** @description Bytes of the archive that were copied from an older one */
      reusedBytes: number;
      /** @description Bytes that it added to its store: fewer than `size` in a vault; absent where not known */
      storedBytes?: number;
      /** @description How its files were kept still while they were read; absent where they were not */
      quiesced?: {
        /** @description By the commands of a game (`minecraft_java`, `minecraft_bedrock`), by `config`, `program` or `rcon` */
        how: string;
        /** @description What the game said */
        heard?: string;
      };
      store: string;
      error?: {
        code: string;
        message: string;
      };
      /** Format: date-time */
      verifiedAt?: string;
      /** Format: date-time */
      damagedAt?: string;
      /** @description Why it is not taken for a good backup until it is accepted */
      suspect?: {
        /** @enum {string} */
        reason: 'empty' | 'shrunken_files' | 'shrunken_bytes' | 'unreadable';
        message: string;
      };
      /**
       * Format: date-time
       * @description When an operator accepted a suspect backup
       */
      acceptedAt?: string;
      /** @description The order of making; absent for one made elsewhere */
      sequence?: number;
      /** @description Who asked for it; absent where that is not known */
      origin?: {
        /** @enum {string} */
        by: 'schedule' | 'panel' | 'retention' | 'verification' | 'token';
        /** @description The token’s id in the config */
        token?: string;
      };
      /**
       * Format: date-time
       * @description When its job began to run
       */
      startedAt?: string;
      /** @description How long its job ran */
      seconds?: number;
      /** @description False when the node chose the name */
      named?: boolean;
    };
    /**
     * @example {
     *       "name": "before the update",
     *       "ignore": [
     *         "*.log",
     *         "cache/"
     *       ],
     *       "locked": true
     *     }
     */
    CreateBackup: {
      /** @description Defaults to “Backup <date>” */
      name?: string;
      /**
       * Format: uuid
       * @description The caller’s own id for the backup; a new one without it
       */
      uuid?: string;
      /**
       * Format: uuid
       * @description The same as `uuid`
       */
      id?: string;
      /** @description gitignore patterns; without them the server’s own ignore file */
      ignore?: string[];
      /** @description Protects the backup from deletion */
      locked?: boolean;
    };
    Estimate: {
      files: number;
      directories: number;
      bytes: number;
      ignoredFiles: number;
      ignoredBytes: number;
      largestIgnored: {
        path: string;
        bytes: number;
      }[];
    };
    /**
     * @example {
     *       "paths": [
     *         "world"
     *       ],
     *       "truncate": true,
     *       "keepPrevious": 24
     *     }
     */
    RestoreBackup: {
      /** @description Removes what the backup does not hold; false without it */
      truncate?: boolean;
      /** @description Paths of the backup, spelt as a listing shows them; a directory means what is below it. One that is no path of the backup is tried as a glob */
      paths?: string[];
      /** @description As `paths`, but never tried as globs: what a listing showed, and nothing else */
      files?: string[];
      /** @description Patterns of what to restore besides `paths`; `!` before one excludes */
      globs?: string[];
      /** @description With truncate: also where the backup puts back nothing, or passes over what would be removed; refused without it */
      force?: boolean;
      /** @description With truncate: what the backup’s ignore list covers stays */
      keepIgnored?: boolean;
      /** @description Makes a backup of the server before; the restore fails, and changes nothing, when that does */
      backupFirst?: boolean;
      /**
       * Format: uuid
       * @description Restores what was previewed, and refuses when that would do something else by now
       */
      preview?: string;
      /** @description Tells what would change, and changes nothing */
      dryRun?: boolean;
      /** @description Hours for which the tree that was there can be put back by undo */
      keepPrevious?: number;
    };
    Comparison: {
      /** @description For its pages, and for `preview` of a restore; kept for half an hour */
      id: string;
      totals: components['schemas']['ChangeTotals'];
      /** @description Totals by name in the root, the most changed first; at most 1,000 */
      folders: {
        path: string;
        totals: components['schemas']['ChangeTotals'];
      }[];
      /** @description Asked paths that are none of the backup */
      missing?: string[];
      /** @description The first hundred; `same` is counted only */
      changes: components['schemas']['Change'][];
      cursor?: string;
    };
    /** @description `same`: equal in kind, size, time and mode, without its content being read. `kept`: left out of a restore, because what is in its place stays */
    ChangeTotals: {
      added: {
        /** @description Files and links */
        files: number;
        directories: number;
        /** @description Of content: as it will be, or of what goes, as it is */
        bytes: number;
      };
      changed: {
        /** @description Files and links */
        files: number;
        directories: number;
        /** @description Of content: as it will be, or of what goes, as it is */
        bytes: number;
      };
      deleted: {
        /** @description Files and links */
        files: number;
        directories: number;
        /** @description Of content: as it will be, or of what goes, as it is */
        bytes: number;
      };
      same: {
        /** @description Files and links */
        files: number;
        directories: number;
        /** @description Of content: as it will be, or of what goes, as it is */
        bytes: number;
      };
      kept: {
        /** @description Files and links */
        files: number;
        directories: number;
        /** @description Of content: as it will be, or of what goes, as it is */
        bytes: number;
      };
    };
    Change: {
      /** @enum {string} */
      class: 'added' | 'changed' | 'deleted' | 'same' | 'kept';
      path: string;
      /** @enum {boolean} */
      directory?: true;
      size: number;
      /** @description Of what changed: the bytes before */
      before?: number;
    };
    /**
     * @example {
     *       "paths": [
     *         "world"
     *       ],
     *       "truncate": true,
     *       "keepPrevious": 24
     *     }
     */
    PreviewRestore: {
      /** @description Removes what the backup does not hold; false without it */
      truncate?: boolean;
      /** @description Paths of the backup, spelt as a listing shows them; a directory means what is below it. One that is no path of the backup is tried as a glob */
      paths?: string[];
      /** @description As `paths`, but never tried as globs: what a listing showed, and nothing else */
      files?: string[];
      /** @description Patterns of what to restore besides `paths`; `!` before one excludes */
      globs?: string[];
      /** @description With truncate: also where the backup puts back nothing, or passes over what would be removed; refused without it */
      force?: boolean;
      /** @description With truncate: what the backup’s ignore list covers stays */
      keepIgnored?: boolean;
      /** @description Makes a backup of the server before; the restore fails, and changes nothing, when that does */
      backupFirst?: boolean;
      /**
       * Format: uuid
       * @description Restores what was previewed, and refuses when that would do something else by now
       */
      preview?: string;
      /** @description Tells what would change, and changes nothing */
      dryRun?: boolean;
      /** @description Hours for which the tree that was there can be put back by undo */
      keepPrevious?: number;
    };
    Changes: {
      changes: components['schemas']['Change'][];
      cursor?: string;
    };
    Found: {
      entries: {
        /** @enum {string} */
        kind: 'file' | 'directory' | 'symlink' | 'hardlink';
        size: number;
        /** @description Unix seconds */
        mtime: number;
        path: string;
      }[];
      cursor?: string;
    };
    Versions: {
      paths: {
        path: string;
        versions: {
          /** @enum {string} */
          kind: 'file' | 'directory' | 'symlink' | 'hardlink';
          size: number;
          /** @description Unix seconds */
          mtime: number;
          backups: string[];
        }[];
      }[];
      /** @description Backups that this page looked into, newest first */
      searched: string[];
      /** @description Those of them with more names than 500: search them alone */
      cut: string[];
      /** @description There when older backups are left to search */
      cursor?: string;
    };
    RenameBackup: {
      name: string;
    };
    Warnings: {
      warnings: {
        path: string;
        code: string;
        message: string;
      }[];
      cursor?: string;
    };
    VerifiedBackup: components['schemas']['Backup'] & {
      /** @description The index beside the archive, which is whole, was damaged or missing. takenFrom: the store that the right one was taken from; without it the archive is read through from now on */
      index?: {
        /** @enum {string} */
        found: 'damaged' | 'missing';
        takenFrom?: string;
      };
    };
    Directory: {
      path: string;
      entries: {
        name: string;
        /** @enum {string} */
        kind: 'file' | 'directory' | 'symlink' | 'hardlink';
        size: number;
        mode: number;
        /** @description Unix seconds */
        mtime: number;
        target?: string;
        /** @description With `totals`: files below a directory */
        files?: number;
        /** @description With `totals`: bytes of those */
        bytes?: number;
        /**
         * @description With `live`: on the server now
         * @enum {string}
         */
        live?: 'same' | 'changed' | 'gone';
      }[];
      cursor?: string;
    };
    Caller: {
      token: string;
      permissions: string[];
      servers: string[];
      session?: components['schemas']['Session'];
      /** @description The host name of the node */
      nodeName: string;
      version: string;
    };
    /** @description Absent for a token of the config */
    Session: {
      id: string;
      /** @description The id of the token that it stands on */
      token: string;
      permissions: string[];
      /** @description UUIDs, or `*` for all */
      servers: string[];
      label?: string;
      /** Format: date-time */
      createdAt: string;
      /** Format: date-time */
      expiresAt: string;
      /** @description Valid until `expiresAt` without being used */
      kept: boolean;
      /** @description Of the last use */
      address: string;
      /** Format: date-time */
      lastUsedAt: string;
      /** @description The one that asks */
      current: boolean;
    };
    SignedIn: {
      /** @description To be sent as `Authorization: Bearer …`; shown once */
      secret: string;
      session: components['schemas']['Session'];
    };
    SignIn: {
      /** @description A secret of `tokens` in the config */
      token?: string;
      /** @description Of a one-time link: what follows `#/in/` in it */
      code?: string;
      /** @description True: valid for 30 days, used or not; without it for 12 hours after the last use */
      keep?: boolean;
    };
    MadeSessionLink: components['schemas']['SessionLink'] & {
      /** @description Works once; shown once */
      code: string;
      /** @description Opens the page signed in; without `api.public_url` relative to this node */
      url: string;
    };
    SessionLink: {
      id: string;
      /** @description The id of the token that it stands on */
      token: string;
      permissions: string[];
      /** @description UUIDs, or `*` for all */
      servers: string[];
      label?: string;
      /** Format: date-time */
      createdAt: string;
      /** Format: date-time */
      expiresAt: string;
    };
    NewSessionLink: {
      /** @description For how long it can be used; 15 without it */
      minutes?: number;
      /** @description What its session may; without it what its maker may, and never more than that */
      permissions?: (
        | 'backup.read'
        | 'backup.create'
        | 'backup.download'
        | 'backup.restore'
        | 'backup.delete'
        | 'node.read'
        | 'node.manage'
        | '*'
      )[];
      /** @description Servers that its session holds; without it those of its maker */
      servers?: string[];
      /** @description Shown in the list of sessions */
      label?: string;
    };
    Sessions: {
      sessions: components['schemas']['Session'][];
      /** @description Those that may still be used */
      links: components['schemas']['SessionLink'][];
    };
    ServerWithOverview: components['schemas']['Server'] & {
      overview?: components['schemas']['Overview'];
    };
    /** @description With `?with=overview` */
    Overview: {
      newest?: components['schemas']['ShownBackup'];
      lastFailure?: components['schemas']['ShownBackup'] & {
        /** @description How many have failed since the newest good one */
        failures: number;
      };
      /**
       * Format: date-time
       * @description When the next scheduled backup begins
       */
      next?: string;
      /** @description Seconds since the scheduled time that passed without a good backup, as the doctor judges; absent when there is none */
      lateSeconds?: number;
      limits: {
        backups: {
          used: number;
          /** @description 0 for no limit */
          most: number;
        };
        bytes: {
          used: number;
          /** @description 0 for no limit */
          most: number;
        };
        maxSize: number;
      };
      locked: number;
      damaged: number;
      suspect: number;
      /** @description The newest fourteen, newest first */
      recent: components['schemas']['ShownBackup'][];
      /** @description The restore that can be undone */
      undo?: {
        backup: string;
        /** Format: date-time */
        until: string;
      };
      problems: {
        /**
         * @description Stable; the worst comes first
         * @enum {string}
         */
        code: 'failing' | 'damaged' | 'never' | 'late' | 'suspect' | 'no_directory';
        message: string;
        hint?: string;
        backup?: string;
        /** Format: date-time */
        since?: string;
      }[];
    };
    /** @description The newest good backup */
    ShownBackup: {
      id: string;
      name: string;
      /** @enum {string} */
      status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
      isLocked: boolean;
      /** @description Bytes of the archive */
      size: number;
      rawSize: number;
      files: number;
      reusedBytes: number;
      /** Format: date-time */
      createdAt: string;
      /** Format: date-time */
      completedAt?: string;
      /** @description How long it took, without its time in the queue */
      seconds?: number;
      /** @description Who asked for it; absent where that is not known */
      origin?: {
        /** @enum {string} */
        by: 'schedule' | 'panel' | 'retention' | 'verification' | 'token';
        /** @description The token’s id in the config */
        token?: string;
      };
      /** @description False when the node chose the name */
      named: boolean;
      /** @enum {boolean} */
      damaged?: true;
      /** @enum {boolean} */
      suspect?: true;
      error?: {
        code: string;
        message: string;
        hint?: string;
      };
    };
    Server: {
      id: string;
      name: string;
      /** @enum {string} */
      status: 'READY' | 'BACKING_UP' | 'RESTORING';
      suspended: boolean;
      backups: number;
      bytes: number;
      /**
       * @description As Wings says; there when Roost stands before it
       * @enum {string}
       */
      power?: 'offline' | 'starting' | 'running' | 'stopping' | 'unknown';
      /**
       * @description There when only backups are left: restoring one makes the directory
       * @enum {string}
       */
      state?: 'no directory';
    };
    SystemWithUsage: components['schemas']['System'] & {
      usage?: components['schemas']['Usage'];
    };
    /** @description With `?with=usage` */
    Usage: {
      /** @description The host’s name */
      name: string;
      stores: {
        name: string;
        type: string;
        /** @description New backups go there */
        default: boolean;
        freeBytes: number | null;
        totalBytes: number | null;
        /** @description Bytes of the archives in it */
        usedBytes: number;
        /** @description Of a vault that was collected: bytes that its disk holds */
        storedBytes?: number;
        backups: number;
        /** @description Bytes that stay free */
        reserveBytes: number;
        /** @description Bytes a day over two weeks, after what was removed; null before there is a day */
        growthPerDay: number | null;
        /**
         * Format: date-time
         * @description When it is full at that growth
         */
        fullAt: string | null;
        copies: {
          completed: number;
          pending: number;
          failed: number;
        };
        error: string | null;
      }[];
      /** @description 0 for a rule that keeps nothing; all 0: nothing is removed */
      retention: {
        keepLast: number;
        keepDays: number;
        keepDaily: number;
        keepWeekly: number;
        keepMonthly: number;
      };
      limits: {
        perServer: number;
        maxSize: number;
        serverBytes: number;
      };
      verification: {
        everyDays: number;
      };
    };
    System: {
      version: string;
      node: string;
      /** @enum {string} */
      engine: 'isal' | 'zlib';
      uptimeSeconds: number;
      servers: number;
      jobs: {
        running: number;
        queued: number;
      };
      /** @description What the panel is owed; absent on a node without one */
      panelReports?: {
        pending: number;
        parked: number;
      };
      stores: {
        name: string;
        type: string;
        freeBytes: number | null;
        /** @description Why it cannot be used now */
        error: string | null;
      }[];
      /** @description The disk of the state directory; while it is full, nothing but deletions is begun */
      stateDisk?: {
        freeBytes: number | null;
        full: boolean;
      };
      /** @description Directories of servers that the daemon cannot write: restores there fail */
      unwritable?: {
        path: string;
        error: string;
        hint: string;
      }[];
    };
    Doctor: {
      /** @description True when every finding is ok */
      healthy: boolean;
      findings: {
        /** @description Stable name of the check, such as `store` or `protection` */
        check: string;
        /**
         * @description warning: works, but needs attention; fault: does not work, or will not
         * @enum {string}
         */
        level: 'ok' | 'warning' | 'fault';
        message: string;
        /** @description How to mend it */
        hint?: string;
      }[];
    };
    Schedules: {
      schedules: components['schemas']['Schedule'][];
    };
    Schedule: {
      /** @description A server, or `*` for all */
      server: string;
      /** @description Those of them that the token holds */
      servers: string[];
      cron: string;
      /** @description null for the zone of the host */
      timezone: string | null;
      ignore: string[];
      /** @enum {string} */
      whenMissed: 'run' | 'skip';
      /** @description The next three times */
      next: string[];
      last?: {
        /** Format: date-time */
        at: string;
        completed: number;
        failed: number;
        running: number;
        /** @description Servers without a backup of that time */
        without: number;
      };
      /** @description The newest times that passed while the daemon was off */
      missed?: {
        times: number;
        /** Format: date-time */
        since: string;
        /** Format: date-time */
        noticedAt: string;
      };
    };
    Report: {
      /** @description The host’s name */
      name: string;
      /** Format: date-time */
      at: string;
      /** @description False when a server has a problem, or a store or a copy cannot be used */
      healthy: boolean;
      servers: {
        server: string;
        name: string;
        /** @description The newest good backup */
        newest: {
          id: string;
          /** Format: date-time */
          createdAt: string;
        } | null;
        /** @description Age of that backup */
        ageSeconds: number | null;
        /**
         * Format: date-time
         * @description When the next scheduled backup begins
         */
        next: string | null;
        /** @description Seconds since the scheduled time that passed without a good backup; null when there is none */
        lateSeconds: number | null;
        /**
         * Format: date-time
         * @description When a backup of it was last verified to its end
         */
        verifiedAt: string | null;
        problems: ('failing' | 'damaged' | 'never' | 'late' | 'suspect' | 'no_directory')[];
      }[];
      stores: {
        name: string;
        freeBytes: number | null;
        /** @description Bytes a day over two weeks */
        growthPerDay: number | null;
        /** @description At that growth; null when never, or not known */
        daysUntilFull: number | null;
        /** @description null for a store of no copies */
        copies: {
          completed: number;
          pending: number;
          failed: number;
          /** @description Age of the oldest backup without its copy; 0 when none lacks it */
          lagSeconds: number;
        } | null;
        error: string | null;
      }[];
    };
    History: {
      /** @description Newest first; at most 5,000 */
      attempts: components['schemas']['Attempt'][];
      /** @description True when there are older ones within those days */
      more: boolean;
    };
    Attempt: {
      backup: string;
      /** @enum {string} */
      status: 'COMPLETED' | 'FAILED';
      /** @description Why it failed */
      code?: string;
      store: string;
      size: number;
      rawSize: number;
      files: number;
      reusedBytes: number;
      /** @description Who asked for it; absent where that is not known */
      origin?: {
        /** @enum {string} */
        by: 'schedule' | 'panel' | 'retention' | 'verification' | 'token';
        /** @description The token’s id in the config */
        token?: string;
      };
      /** Format: date-time */
      createdAt: string;
      seconds?: number;
      /** Format: date-time */
      endedAt: string;
      /**
       * Format: date-time
       * @description When the backup was removed
       */
      goneAt?: string;
    };
    Retention: {
      backups: {
        backup: components['schemas']['Backup'];
        /** @description False: it goes after the next backup that completes */
        keep: boolean;
        /** @description Why it stays */
        reasons: (
          | 'no_rules'
          | 'not_completed'
          | 'locked'
          | 'busy'
          | 'newest_good'
          | 'newest'
          | 'future_dated'
          | 'last'
          | 'days'
          | 'daily'
          | 'weekly'
          | 'monthly'
        )[];
      }[];
    };
    AppliedRetention: components['schemas']['Retention'] & {
      /** @description Ids of the backups that were removed */
      removed: string[];
      /** @description Ids of those that could not be removed now */
      failed: string[];
      /** @description Set when nothing was removed because the clock has jumped */
      clockInDoubt?: {
        /** Format: date-time */
        clock: string;
        /** Format: date-time */
        expected: string;
      };
    };
    ApplyRetention: {
      /** @description Believes a clock that has jumped; nothing is removed while it is in doubt */
      clockIsRight?: boolean;
    };
    GiveUpServer: {
      /** @enum {string} */
      backups: 'keep' | 'delete';
      /** @description Days until they are deleted; at once without it */
      graceDays?: number;
    };
    JobRates: {
      /** @description MiB per second, 0 for none; null for the job’s share of the node’s rate */
      readLimit?: number | null;
      /** @description MiB per second, 0 for none; null for the job’s share of the node’s rate */
      writeLimit?: number | null;
    };
    PanelReport: {
      id: number;
      /** @enum {string} */
      kind: 'backup' | 'restore' | 'deletion';
      server: string;
      backup: string;
      job: string;
      successful: boolean;
      /**
       * @description parked: tried again after the next start, or on request
       * @enum {string}
       */
      state: 'pending' | 'parked';
      /** @description Tries that failed */
      attempts: number;
      error?: {
        code: string;
        message: string;
      };
      /** Format: date-time */
      createdAt: string;
      /** Format: date-time */
      nextAt?: string;
    };
    Channel: {
      name: string;
      /** @enum {string} */
      type: 'webhook' | 'discord' | 'ntfy' | 'healthchecks';
      events: string[];
      /** @description Messages that the channel has not taken yet */
      waiting: number;
      /** Format: date-time */
      oldest?: string;
      /** @description Why the last try failed */
      error?: string;
    };
    NotifyTest: {
      results: {
        name: string;
        delivered: boolean;
        error?: string;
        hint?: string;
      }[];
    };
    Vault: {
      store: string;
      server: string;
      backups: number;
      /** @description Bytes of the archives: what they would take one by one */
      archiveBytes: number;
      packs?: number;
      /** @description Bytes that the disk holds */
      storedBytes?: number;
      /** @description Bytes that some backup needs */
      liveBytes?: number;
      /**
       * Format: date-time
       * @description Absent, with the numbers, before the first collection
       */
      collectedAt?: string;
    };
    /**
     * @example {
     *       "error": "There is no such backup",
     *       "code": "backup_not_found",
     *       "requestId": "5f0c3c0e-5d0a-4b9e-8a39-5a1d2f3c4b5a"
     *     }
     */
    VaultStatusError: components['schemas']['Error'] & {
      vaults?: components['schemas']['Vault'][];
      /** @description Why the rest was not done: the first twenty. Absent where nothing was tried */
      failures?: components['schemas']['VaultFailure'][];
      /** @description Of all of them */
      failureCount?: number;
    };
    VaultFailure: {
      store: string;
      /** @description Absent where the vault could not say which servers it has */
      server?: string;
      /** @description Absent where it is all of the server */
      backup?: string;
      /**
       * @description As that of an error
       * @enum {string}
       */
      code:
        | 'invalid_request'
        | 'backup_not_ready'
        | 'backup_failed'
        | 'server_suspended'
        | 'too_many_backups'
        | 'unauthorized'
        | 'forbidden'
        | 'backup_locked'
        | 'server_not_found'
        | 'backup_not_found'
        | 'path_not_found'
        | 'job_not_found'
        | 'backup_exists'
        | 'server_busy'
        | 'preview_outdated'
        | 'not_running'
        | 'too_large'
        | 'archive_damaged'
        | 'draining'
        | 'store_unreachable'
        | 'insufficient_storage'
        | 'cancelled'
        | 'interrupted'
        | 'config_invalid'
        | 'internal'
        | 'not_found'
        | 'method_not_allowed'
        | 'upgrade_required';
      message: string;
      hint?: string;
    };
    VaultCollection: {
      store: string;
      server: string;
      /** @description Packs that were removed */
      packs: number;
      freedBytes: number;
      /** @description Bytes that were moved out of packs that were mostly dead */
      movedBytes: number;
    };
    /**
     * @example {
     *       "error": "There is no such backup",
     *       "code": "backup_not_found",
     *       "requestId": "5f0c3c0e-5d0a-4b9e-8a39-5a1d2f3c4b5a"
     *     }
     */
    VaultCollectionError: components['schemas']['Error'] & {
      collections?: components['schemas']['VaultCollection'][];
      /** @description Why the rest was not done: the first twenty. Absent where nothing was tried */
      failures?: components['schemas']['VaultFailure'][];
      /** @description Of all of them */
      failureCount?: number;
    };
    VaultVerification: {
      store: string;
      server: string;
      /** @description Each byte once, however many backups have it */
      readBytes: number;
      /** @description Backups of which each segment is what it was */
      whole: number;
      damaged: string[];
      /** @description Backups whose damaged bytes were taken from a copy; each is verified now */
      healed: string[];
      /** @description Backups without an index, or in files of their own: verify them one by one */
      unproven: string[];
      /** @description What could not be read; the others were verified all the same */
      faults: {
        /** @description Absent where it is no single backup: all of the server, or a map */
        backup?: string;
        code: string;
        message: string;
      }[];
    };
    /**
     * @example {
     *       "error": "There is no such backup",
     *       "code": "backup_not_found",
     *       "requestId": "5f0c3c0e-5d0a-4b9e-8a39-5a1d2f3c4b5a"
     *     }
     */
    VaultVerificationError: components['schemas']['Error'] & {
      verifications?: components['schemas']['VaultVerification'][];
      /** @description Why the rest was not done: the first twenty. Absent where nothing was tried */
      failures?: components['schemas']['VaultFailure'][];
      /** @description Of all of them */
      failureCount?: number;
    };
    VaultAdoption: {
      store: string;
      server: string;
      backup: string;
      size: number;
    };
    VaultAdopted: {
      store: string;
      server: string;
      backups: number;
      /** @description Of their archives */
      bytes: number;
      /** @description Backups that could not be taken in */
      failures: number;
    };
    /**
     * @example {
     *       "error": "There is no such backup",
     *       "code": "backup_not_found",
     *       "requestId": "5f0c3c0e-5d0a-4b9e-8a39-5a1d2f3c4b5a"
     *     }
     */
    VaultAdoptionError: components['schemas']['Error'] & {
      adoptions?: components['schemas']['VaultAdoption'][];
      /** @description In total: servers of which something was, or could not be */
      servers?: components['schemas']['VaultAdopted'][];
      /** @description Why the rest was not done: the first twenty. Absent where nothing was tried */
      failures?: components['schemas']['VaultFailure'][];
      /** @description Of all of them */
      failureCount?: number;
    };
    BackupPlaces: {
      /** @description Bytes that it added; null where not known */
      storedBytes: number | null;
      /** @description Bytes that its removal gives back */
      exclusiveBytes: number;
      /** @description Of a vault: ranges of packs that make up the archive */
      ranges?: number;
      packs?: {
        id: string;
        ranges: number;
        bytes: number;
      }[];
    };
  };
  responses: {
    /** @description An error; `code` is stable, `error` is for people */
    Error: {
      headers: {
        /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
        'Retry-After'?: number;
        [name: string]: unknown;
      };
      content: {
        'application/json': components['schemas']['Error'];
      };
    };
    /** @description Errors; `code` is stable, `detail` is for people */
    ClientErrors: {
      headers: {
        /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
        'Retry-After'?: number;
        [name: string]: unknown;
      };
      content: {
        'application/json': components['schemas']['ClientErrors'];
      };
    };
    /** @description An error; where a part failed, with what was done all the same */
    VaultStatusError: {
      headers: {
        /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
        'Retry-After'?: number;
        [name: string]: unknown;
      };
      content: {
        'application/json': components['schemas']['VaultStatusError'];
      };
    };
    /** @description An error; where a part failed, with what was done all the same */
    VaultCollectionError: {
      headers: {
        /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
        'Retry-After'?: number;
        [name: string]: unknown;
      };
      content: {
        'application/json': components['schemas']['VaultCollectionError'];
      };
    };
    /** @description An error; where a part failed, with what was done all the same */
    VaultVerificationError: {
      headers: {
        /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
        'Retry-After'?: number;
        [name: string]: unknown;
      };
      content: {
        'application/json': components['schemas']['VaultVerificationError'];
      };
    };
    /** @description An error; where a part failed, with what was done all the same */
    VaultAdoptionError: {
      headers: {
        /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
        'Retry-After'?: number;
        [name: string]: unknown;
      };
      content: {
        'application/json': components['schemas']['VaultAdoptionError'];
      };
    };
  };
  parameters: never;
  requestBodies: never;
  headers: never;
  pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
  getMetrics: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Prometheus text, version 0.0.4 */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'text/plain': string;
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  clientListServers: {
    parameters: {
      query?: {
        /** @description 1 without it */
        page?: number;
        /** @description 25 without it, 50 at most */
        per_page?: number;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description One page of servers */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {string} */
            object: 'list';
            data: components['schemas']['ClientServer'][];
            meta: {
              pagination: {
                total: number;
                count: number;
                per_page: number;
                current_page: number;
                total_pages: number;
                links: {
                  previous?: string;
                  next?: string;
                };
              };
            };
          };
        };
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  clientGetServer: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID, or the first eight characters of it */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The server, and what the token may do with it */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientServer'] & {
            meta: {
              is_server_owner: boolean;
              user_permissions: string[];
            };
          };
        };
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  clientGetWebsocket: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID, or the first eight characters of it */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Where to connect, and with what */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            data: {
              token: string;
              socket: string;
            };
          };
        };
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  clientListBackups: {
    parameters: {
      query?: {
        /** @description 1 without it */
        page?: number;
        /** @description 25 without it, 50 at most */
        per_page?: number;
      };
      header?: never;
      path: {
        /** @description The server’s UUID, or the first eight characters of it */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description One page of backups */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {string} */
            object: 'list';
            data: components['schemas']['ClientBackup'][];
            meta: {
              pagination: {
                total: number;
                count: number;
                per_page: number;
                current_page: number;
                total_pages: number;
                links: {
                  previous?: string;
                  next?: string;
                };
              };
              backup_count: number;
            };
          };
        };
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  clientCreateBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID, or the first eight characters of it */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': components['schemas']['ClientCreateBackup'];
      };
    };
    responses: {
      /** @description The backup that was begun */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientBackup'];
        };
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  clientGetBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID, or the first eight characters of it */
        server: string;
        /** @description The backup’s UUID */
        backup: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The backup */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientBackup'];
        };
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  clientDeleteBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID, or the first eight characters of it */
        server: string;
        /** @description The backup’s UUID */
        backup: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The backup is gone */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  clientRestoreBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID, or the first eight characters of it */
        server: string;
        /** @description The backup’s UUID */
        backup: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': components['schemas']['ClientRestoreBackup'];
      };
    };
    responses: {
      /** @description The restore was begun */
      202: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  clientLockBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID, or the first eight characters of it */
        server: string;
        /** @description The backup’s UUID */
        backup: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The lock was turned */
      204: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  clientGetDownload: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID, or the first eight characters of it */
        server: string;
        /** @description The backup’s UUID */
        backup: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The URL; it needs no further credential */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {string} */
            object: 'signed_url';
            attributes: {
              url: string;
            };
          };
        };
      };
      /** @description Errors; `code` is stable, `detail` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ClientErrors'];
        };
      };
      '4XX': components['responses']['ClientErrors'];
    };
  };
  listBackups: {
    parameters: {
      query?: {
        /** @description At most so many; all without it */
        limit?: number;
        /** @description From `next` in the Link header of the page before; then `limit` is 100 without it */
        cursor?: string;
        /** @description Only backups made before then; a page, as with `limit` */
        before?: string;
        /** @description Without warnings, ignored files and copies */
        fields?: 'summary';
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Backups of the server */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Backup'][] | components['schemas']['BackupSummary'][];
        };
      };
      /** @description If-None-Match names the list as it still is */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  createBackup: {
    parameters: {
      query?: never;
      header?: {
        /** @description `respond-async` (RFC 7240): answer 202 at once, instead of when it has ended */
        Prefer?: 'respond-async';
      };
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': components['schemas']['CreateBackup'];
      };
    };
    responses: {
      /** @description The backup that an earlier request with this id and these values has made */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Backup'];
        };
      };
      /** @description The finished backup */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Backup'];
        };
      };
      /** @description The backup that was begun */
      202: {
        headers: {
          /** @description Where to ask what becomes of it: the backup, or the job at `/api/jobs/{id}` */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Backup'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  deleteBackup: {
    parameters: {
      query: {
        /** @description The backup’s UUID */
        id: string;
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The backup is gone */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  lockBackup: {
    parameters: {
      query: {
        /** @description The backup’s UUID */
        id: string;
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          locked: boolean;
        };
      };
    };
    responses: {
      /** @description The lock as it is now */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
            locked: boolean;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  estimateBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': {
          ignore?: string[];
        };
      };
    };
    responses: {
      /** @description Files and bytes */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Estimate'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  restoreBackup: {
    parameters: {
      query: {
        /** @description The backup’s UUID */
        id: string;
      };
      header?: {
        /** @description `respond-async` (RFC 7240): answer 202 at once, instead of when it has ended */
        Prefer?: 'respond-async';
      };
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': components['schemas']['RestoreBackup'];
      };
    };
    responses: {
      /** @description It is done */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
            message: string;
            warnings?: {
              path: string;
              code: string;
              message: string;
            }[];
            warningCount?: number;
            /** @description Files that were put back */
            files?: number;
            /** @description Bytes of their content */
            bytes?: number;
            /** @description Live files that are gone and that nothing replaced */
            removed?: number;
            /** @description Entries of the backup that were passed over */
            skipped?: number;
            /** @description How long it took */
            seconds?: number;
            /** @description With 202: the job, to be followed at /api/jobs/{id} */
            jobId?: string;
            /** @description The backup that is made before (`backupFirst`) */
            backedUp?: string;
            /**
             * Format: date-time
             * @description Until when undo puts back what was there
             */
            undoUntil?: string;
            /** @description What would change; long lists are cut, the counts are not */
            dryRun?: {
              added: string[];
              replaced: string[];
              deleted: string[];
              counts: {
                added: number;
                replaced: number;
                deleted: number;
              };
            };
          };
        };
      };
      /** @description It was begun */
      202: {
        headers: {
          /** @description Where to ask what becomes of it: the backup, or the job at `/api/jobs/{id}` */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
            message: string;
            warnings?: {
              path: string;
              code: string;
              message: string;
            }[];
            warningCount?: number;
            /** @description Files that were put back */
            files?: number;
            /** @description Bytes of their content */
            bytes?: number;
            /** @description Live files that are gone and that nothing replaced */
            removed?: number;
            /** @description Entries of the backup that were passed over */
            skipped?: number;
            /** @description How long it took */
            seconds?: number;
            /** @description With 202: the job, to be followed at /api/jobs/{id} */
            jobId?: string;
            /** @description The backup that is made before (`backupFirst`) */
            backedUp?: string;
            /**
             * Format: date-time
             * @description Until when undo puts back what was there
             */
            undoUntil?: string;
            /** @description What would change; long lists are cut, the counts are not */
            dryRun?: {
              added: string[];
              replaced: string[];
              deleted: string[];
              counts: {
                added: number;
                replaced: number;
                deleted: number;
              };
            };
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  undoRestore: {
    parameters: {
      query?: never;
      header?: {
        /** @description `respond-async` (RFC 7240): answer 202 at once, instead of when it has ended */
        Prefer?: 'respond-async';
      };
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is done */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
            message: string;
            warnings?: {
              path: string;
              code: string;
              message: string;
            }[];
            warningCount?: number;
            /** @description Files that were put back */
            files?: number;
            /** @description Bytes of their content */
            bytes?: number;
            /** @description Live files that are gone and that nothing replaced */
            removed?: number;
            /** @description Entries of the backup that were passed over */
            skipped?: number;
            /** @description How long it took */
            seconds?: number;
            /** @description With 202: the job, to be followed at /api/jobs/{id} */
            jobId?: string;
            /** @description The backup that is made before (`backupFirst`) */
            backedUp?: string;
            /**
             * Format: date-time
             * @description Until when undo puts back what was there
             */
            undoUntil?: string;
            /** @description What would change; long lists are cut, the counts are not */
            dryRun?: {
              added: string[];
              replaced: string[];
              deleted: string[];
              counts: {
                added: number;
                replaced: number;
                deleted: number;
              };
            };
          };
        };
      };
      /** @description It was begun */
      202: {
        headers: {
          /** @description Where to ask what becomes of it: the backup, or the job at `/api/jobs/{id}` */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
            message: string;
            warnings?: {
              path: string;
              code: string;
              message: string;
            }[];
            warningCount?: number;
            /** @description Files that were put back */
            files?: number;
            /** @description Bytes of their content */
            bytes?: number;
            /** @description Live files that are gone and that nothing replaced */
            removed?: number;
            /** @description Entries of the backup that were passed over */
            skipped?: number;
            /** @description How long it took */
            seconds?: number;
            /** @description With 202: the job, to be followed at /api/jobs/{id} */
            jobId?: string;
            /** @description The backup that is made before (`backupFirst`) */
            backedUp?: string;
            /**
             * Format: date-time
             * @description Until when undo puts back what was there
             */
            undoUntil?: string;
            /** @description What would change; long lists are cut, the counts are not */
            dryRun?: {
              added: string[];
              replaced: string[];
              deleted: string[];
              counts: {
                added: number;
                replaced: number;
                deleted: number;
              };
            };
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  createDownloadToken: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          id: string;
          /** @description Paths as a listing shows them: one file is sent itself, all else as a tar.gz */
          paths?: string[];
          /** @description Whether the archive is saved under the names of server and backup with the time; else as <id>.tar.gz */
          named?: boolean;
        };
      };
    };
    responses: {
      /** @description The token and its URL */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            token: string;
            /** @description Unix seconds */
            expiresAt: number;
            downloadUrl: string;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  downloadBackup: {
    parameters: {
      query?: {
        /** @description From download-token */
        token?: string;
        /** @description As asked for with download-token */
        named?: 'true';
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The archive, a tar.gz of a selection, or one file of it */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/gzip': string;
          'application/octet-stream': string;
        };
      };
      /** @description The bytes asked for */
      206: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/gzip': string;
        };
      };
      /** @description The storage itself has the archive at this URL for five minutes */
      302: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description The client has these bytes */
      304: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description If-Match names other bytes */
      412: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description The range lies beyond the end */
      416: {
        headers: {
          [name: string]: unknown;
        };
        content?: never;
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  previewRestore: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': components['schemas']['PreviewRestore'];
      };
    };
    responses: {
      /** @description What it would do */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Comparison'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  compareBackup: {
    parameters: {
      query: {
        /** @description Another backup of the server, or `live`: what changed from this one to that */
        with: string;
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What changed */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Comparison'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listComparison: {
    parameters: {
      query?: {
        class?: 'added' | 'changed' | 'deleted' | 'same' | 'kept';
        /** @description From the page before */
        cursor?: string;
        /** @description 100 without it, at most 1000 */
        limit?: number;
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The comparison’s id */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Changes, and a cursor when there are more */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Changes'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  findInBackup: {
    parameters: {
      query: {
        /** @description A part of a name, in any case; with `*` or `?`, the whole name by that pattern */
        q: string;
        /** @description From the page before */
        cursor?: string;
        /** @description 100 without it, at most 1000 */
        limit?: number;
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Entries, and a cursor when there are more */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Found'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  findInServer: {
    parameters: {
      query: {
        /** @description A part of a name, in any case; with `*` or `?`, the whole name by that pattern */
        q: string;
        /** @description From the page before */
        cursor?: string;
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Paths and their versions */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Versions'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  getBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The backup */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Backup'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  deleteBackupById: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The backup is gone */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  renameBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['RenameBackup'];
      };
    };
    responses: {
      /** @description The backup as it is now */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Backup'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listWarnings: {
    parameters: {
      query?: {
        /** @description From the page before */
        cursor?: string;
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Warnings, and a cursor when there are more */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Warnings'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  cancelBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It will end soon */
      202: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  verifyBackup: {
    parameters: {
      query?: never;
      header?: {
        /** @description `respond-async` (RFC 7240): answer 202 at once, instead of when it has ended */
        Prefer?: 'respond-async';
      };
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The backup, which is whole */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['VerifiedBackup'];
        };
      };
      /** @description The verification was begun */
      202: {
        headers: {
          /** @description Where to ask what becomes of it: the backup, or the job at `/api/jobs/{id}` */
          Location?: string;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Backup'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  acceptBackup: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The backup, which counts as good now */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Backup'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listFiles: {
    parameters: {
      query?: {
        /** @description Percent-encoded bytes; the root without it */
        path?: string;
        /** @description From the page before */
        cursor?: string;
        /** @description Adds files and bytes below directories, and what is on the server now */
        with?: 'totals' | 'live' | 'totals,live';
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Entries, and a cursor when there are more */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Directory'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  getFile: {
    parameters: {
      query: {
        /** @description Percent-encoded bytes, UTF-8 or not */
        path: string;
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The file */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/octet-stream': string;
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  getSession: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The caller */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Caller'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  signIn: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['SignIn'];
      };
    };
    responses: {
      /** @description The session and its secret */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['SignedIn'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  signOut: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It has ended */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  createSessionLink: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['NewSessionLink'];
      };
    };
    responses: {
      /** @description The link and its code */
      201: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['MadeSessionLink'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listSessions: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The last used first */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Sessions'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  endSession: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description Of a session or link */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It has ended */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {boolean} */
            success: true;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listServers: {
    parameters: {
      query?: {
        /** @description Adds `overview` to each server */
        with?: 'overview';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Servers */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ServerWithOverview'][];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  getServer: {
    parameters: {
      query?: {
        /** @description Adds `overview` to each server */
        with?: 'overview';
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The server */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['ServerWithOverview'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  giveUpServer: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['GiveUpServer'];
      };
    };
    responses: {
      /** @description What became of them */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            deleted: number;
            /** @description Locked ones, and those whose day has not come */
            kept: number;
            /** Format: date-time */
            deleteAt: string | null;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  updateServer: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': {
          suspended: boolean;
        };
      };
    };
    responses: {
      /** @description The server as it is now */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Server'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listJobs: {
    parameters: {
      query?: {
        server?: string;
        kind?: 'backup' | 'restore' | 'verify' | 'delete';
        state?: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
        /** @description At most so many, newest first */
        limit?: number;
        /** @description Only older ones than the job of that id */
        before?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Jobs */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            jobs: components['schemas']['Job'][];
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  getJob: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The job’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The job */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  setJobRates: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The job’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody: {
      content: {
        'application/json': components['schemas']['JobRates'];
      };
    };
    responses: {
      /** @description The job */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Job'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  getSystem: {
    parameters: {
      query?: {
        /** @description Adds the node’s name and rules, and what is in each store */
        with?: 'usage';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The node */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['SystemWithUsage'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  examineNode: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The findings */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Doctor'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  getHealth: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It does */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            /** @enum {string} */
            status: 'ok';
          };
        };
      };
    };
  };
  listSchedules: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Schedules, in the order of the config */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Schedules'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  getReport: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The report, of servers that the token holds */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Report'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listHistory: {
    parameters: {
      query?: {
        /** @description 90 without it */
        days?: number;
      };
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Attempts, newest first */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['History'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  planRetention: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description The plan */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Retention'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  applyRetention: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
      };
      cookie?: never;
    };
    requestBody?: {
      content: {
        'application/json': components['schemas']['ApplyRetention'];
      };
    };
    responses: {
      /** @description What was removed, and the plan now */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['AppliedRetention'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listPanelReports: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Oldest first */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            reports: components['schemas']['PanelReport'][];
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  retryPanelReports: {
    parameters: {
      query?: {
        id?: number;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description How many had been refused */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            retried: number;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  dropPanelReport: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        id: number;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description It is gone */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            dropped: number;
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listChannels: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description As in the config */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            channels: components['schemas']['Channel'][];
          };
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  testChannels: {
    parameters: {
      query?: {
        channel?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What came of each */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['NotifyTest'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
  listVaults: {
    parameters: {
      query?: never;
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description By store and server */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            vaults: components['schemas']['Vault'][];
          };
        };
      };
      /** @description An error; where a part failed, with what was done all the same */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['VaultStatusError'];
        };
      };
      '4XX': components['responses']['VaultStatusError'];
    };
  };
  collectVaults: {
    parameters: {
      query?: {
        /** @description Only that vault */
        store?: string;
        /** @description Only that server */
        server?: string;
        /** @description Tells what would be done, and changes nothing */
        dryRun?: 'true' | 'false';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What was given back */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            collections: components['schemas']['VaultCollection'][];
          };
        };
      };
      /** @description An error; where a part failed, with what was done all the same */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['VaultCollectionError'];
        };
      };
      '4XX': components['responses']['VaultCollectionError'];
    };
  };
  verifyVaults: {
    parameters: {
      query?: {
        /** @description Only that vault */
        store?: string;
        /** @description Only that server */
        server?: string;
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description What was found */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            verifications: components['schemas']['VaultVerification'][];
          };
        };
      };
      /** @description An error; where a part failed, with what was done all the same */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['VaultVerificationError'];
        };
      };
      '4XX': components['responses']['VaultVerificationError'];
    };
  };
  adoptIntoVaults: {
    parameters: {
      query?: {
        /** @description Only that vault */
        store?: string;
        /** @description Only that server */
        server?: string;
        /** @description Tells what would be done, and changes nothing */
        dryRun?: 'true' | 'false';
      };
      header?: never;
      path?: never;
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Those taken in */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': {
            adoptions: components['schemas']['VaultAdoption'][];
            /** @description In total: servers of which something was, or could not be */
            servers: components['schemas']['VaultAdopted'][];
          };
        };
      };
      /** @description An error; where a part failed, with what was done all the same */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['VaultAdoptionError'];
        };
      };
      '4XX': components['responses']['VaultAdoptionError'];
    };
  };
  getBackupPlaces: {
    parameters: {
      query?: never;
      header?: never;
      path: {
        /** @description The server’s UUID */
        server: string;
        /** @description The backup’s UUID */
        id: string;
      };
      cookie?: never;
    };
    requestBody?: never;
    responses: {
      /** @description Where its bytes lie */
      200: {
        headers: {
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['BackupPlaces'];
        };
      };
      /** @description An error; `code` is stable, `error` is for people */
      default: {
        headers: {
          /** @description With `draining`, `store_unreachable` and 429: seconds after which another try may do */
          'Retry-After'?: number;
          [name: string]: unknown;
        };
        content: {
          'application/json': components['schemas']['Error'];
        };
      };
      '4XX': components['responses']['Error'];
    };
  };
}
