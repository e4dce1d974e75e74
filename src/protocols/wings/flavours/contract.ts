/**
 * The facts in which the panels of the Wings family differ. Most are facts of the daemon that a panel ships with.
 *
 * For: a new panel is one record of this shape in a file of this folder, and one line in `flavours.ts`.
 * Promises: routes, sockets and tokens read these facts; none of them asks which panel it serves.
 * Never: a fact that follows from another one. Flags are optional, and absent means false: the behaviour of Pterodactyl.
 */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Answers } from '../answers/answers.ts';
import type { EventFrames } from '../socket/events.ts';
import type { SocketMessages } from '../socket/messages.ts';
import type { Objection, PanelToken, TokenUse } from '../tokens/panel-token.ts';

export interface FlavourFacts {
  /** Name of the daemon, before `/v<version> (id:<token id>)`. */
  readonly product: string;
  readonly panel: PanelFacts;
  readonly routes: RouteFacts;
  readonly socket: SocketFacts;
  readonly tokens: TokenFacts;
  readonly frames: FrameFacts;
  readonly download: DownloadFacts;
  readonly answers: Answers;
}

/** Requests to the panel. */
export interface PanelFacts {
  /** The `Accept` header: the panel chooses its format by it. */
  readonly accepts: string;
  /** Reports have no null and more fields (`files`, `server_uuid`, …). Otherwise `parts` is null for a local archive. */
  readonly completeReports?: boolean;
  /** URLs of parts are asked for in pieces of one upload (`s3/parts?from_part=`), which a second report would fail. */
  readonly partsInPieces?: boolean;
  /** A reset fails unfinished backups, and a later report of one still counts: reports of backups go after it. */
  readonly resetFailsBackups?: boolean;
}

/** Routes and request bodies. */
export interface RouteFacts {
  /** Protected answers name product and token id in a header: the panel takes no other answer for the node's. */
  readonly identifiesItself?: boolean;
  /** `DELETE /api/servers/:s/deleteAllBackups` exists. */
  readonly deletesAllBackups?: boolean;
  /** `DELETE /api/backups/:b` exists, for backups whose server has left the node. */
  readonly deletesWithoutServer?: boolean;
  /** The panel waits for a report of each deletion. Otherwise a deletion is done when it is answered. */
  readonly reportsDeletions?: boolean;
  /** Deleting a server deletes its backups. Otherwise they stay, and the panel deletes each. */
  readonly purgesWithServer?: boolean;
  /** A transfer carries the archives of `backups` from the daemon's own backup directory. */
  readonly transfersBackups?: boolean;
  /** Its file manager looks into backups, below `/.backups` of a server. */
  readonly browsesBackups?: boolean;
  /** `POST /api/servers/:s/ws/permissions` exists. */
  readonly changesPermissions?: boolean;
  /** `GET /api/system?v=2` answers in the long form. Otherwise `v` is ignored. */
  readonly longSystem?: boolean;
  /** `GET /api/system/overview` and `GET /api/servers/utilization` exist: the panel takes a node without for offline. */
  readonly showsOverview?: boolean;
  /** `architecture` is the kernel's name (`x86_64`). Otherwise it is Go's (`amd64`). */
  readonly kernelArchitecture?: boolean;
  /** Follows the version in `GET /api/system`; the panel splits it off. '' when absent. */
  readonly versionSuffix?: string;
  /** A server id that is no UUID is answered with 400. Otherwise with 404, like an unknown server. */
  readonly refusesMalformedServers?: boolean;
  /** A server that is already here is refused with 409. Otherwise adding it again succeeds. */
  readonly refusesKnownServers?: boolean;
  /** Bodies without the label `application/json` are refused. Otherwise the label is ignored. */
  readonly needsJsonLabel?: boolean;
  /** Bodies and answers are MessagePack too: the panel sends nothing else, and takes nothing else. */
  readonly messagePack?: boolean;
  /** Every field of a body must be there with its type. Otherwise an absent field counts as an empty one. */
  readonly strictBodies?: boolean;
  /** A restore without an archive is `backup_not_found`. Otherwise it is answered like a missing file. */
  readonly namesMissingArchive?: boolean;
  /** Lists of ignored files have the daemon's limits. */
  readonly limitsIgnored?: boolean;
  /** Its router matches the path as it comes. Otherwise the decoded one. */
  readonly matchesRawPath?: boolean;
  /** The error of a restore from object storage without `download_url`. */
  readonly missingUrl: string;
}

/** Who may open sockets, and what is sent on them. */
export interface SocketFacts {
  /** Pages of any origin may connect. Otherwise only those of the panel, this node and the allowed ones. */
  readonly anyOrigin?: boolean;
  /** Sockets of a suspended server are closed. */
  readonly closesSuspended?: boolean;
  /** Its page renews a token after `token expired` alone, not after `jwt error`. */
  readonly renewsOnExpiredAlone?: boolean;
  /** Most sockets of one server. Only Pelican's daemon has a bound; the others' pages need far fewer than ours. */
  readonly most: number;
  readonly messages: SocketMessages;
  readonly events: EventFrames;
  /** The error for a server that is not here. */
  readonly unknownServer: string;
  /** Status and error when too many sockets are open. */
  readonly tooMany: readonly [ContentfulStatusCode, string];
  /** Binary frames are MessagePack; pages choose by `configure socket` that they get such ones too. */
  readonly messagePack?: boolean;
}

/** What a token must say to be accepted. */
export interface TokenFacts {
  /** A token without `scope` is refused. Otherwise a scope counts only when the token names one. */
  readonly needsScope?: boolean;
  /** Between several scopes. */
  readonly scopesBetween: ' ' | ',';
  /** Download links of before the daemon's start are refused, as tokens for sockets always are. */
  readonly refusesOlderDownloads?: boolean;
  /** Claims that must be there. */
  readonly needs: Readonly<Record<Exclude<TokenUse, 'files'>, readonly (keyof PanelToken)[]>> & {
    /** Where files of backups are served. */
    readonly files?: readonly (keyof PanelToken)[];
  };
  /** A token that lacks one of them counts as unreadable. Otherwise as denied. */
  readonly lackingIsMalformed?: boolean;
  /** A token whose `iat` or `nbf` is still to come is refused. */
  readonly refusesFuture?: boolean;
  /** Seconds by which `iat` and `nbf` may be ahead of this node's clock; 0 when absent. */
  readonly aheadBy?: number;
}

export interface Rate {
  /** Milliseconds until one more is free. */
  readonly every: number;
  /** So many may come at once. */
  readonly burst: number;
}

/** How many frames a page may send. */
export interface FrameFacts {
  readonly all: Rate;
  /** Each event here has a limit of its own; all others share that of ''. No further limit when absent. */
  readonly events?: ReadonlyMap<string, Rate>;
  /** The page gets one `throttled` for each time that it is too fast. */
  readonly reportsThrottling?: boolean;
}

/** `invalid`: no token, or an unreadable one. */
export type DownloadRefusal = 'invalid' | Objection | 'used' | 'busy' | 'unknown server' | 'missing' | 'broken';

/** Downloads by signed link. */
export interface DownloadFacts {
  /** Links need not name the server. Otherwise one without is refused as of an unknown server. */
  readonly takesBackupAlone?: boolean;
  readonly contentType: string;
  readonly refusals: Readonly<Record<DownloadRefusal, readonly [ContentfulStatusCode, string]>>;
  readonly refusalType: string;
  /** The body of a 500 has no `request_id`. */
  readonly hidesRequestId?: boolean;
}

interface Node {
  readonly facts: Pick<FlavourFacts, 'product'>;
  readonly credentials: { readonly tokenId: string };
  readonly version: string;
}

/** The node's name in requests and answers: `Pelican Wings/v1.2.3 (id:…)`. */
export function identityOf({ facts, credentials, version }: Node): string {
  return `${facts.product}/v${version} (id:${credentials.tokenId})`;
}
