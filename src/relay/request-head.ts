/**
 * Checks that the head of a request can be read in one way only, and decodes its path.
 *
 * For: a server in front of another one. Promises: pure; a path is decoded once; a head that two servers could read
 * differently is a fault. Go's routers match the decoded path, so decisions are made on that; the original spelling is
 * passed on.
 */

export interface RequestHead {
  readonly method: string;
  /** The decoded segments of the path, without the empty one before the first slash; `['']` for `/`. */
  readonly segments: readonly string[];
  /** Path and query as they came. */
  readonly target: string;
  /** From `?` on, or ''. */
  readonly query: string;
  /** True where the path as it came is not its decoded form. */
  readonly encoded: boolean;
}

export interface HeadFault {
  readonly status: 400 | 405;
  /** Completes "Cannot read the request: …". */
  readonly problem: string;
}

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** @param rawHeaders names and values by turns, as Node's parser gives them. */
export function readHead(method: string, target: string, rawHeaders: readonly string[]): RequestHead | HeadFault {
  if (!METHODS.has(method)) return { status: 405, problem: 'its method is not served here' };
  const problem = headerProblem(rawHeaders) ?? targetProblem(target);
  if (problem !== undefined) return { status: 400, problem };
  const at = target.indexOf('?');
  const path = at < 0 ? target : target.slice(0, at);
  const segments = decodedSegments(path);
  if (typeof segments === 'string') return { status: 400, problem: segments };
  const encoded = `/${segments.join('/')}` !== path;
  return { method, segments, target, query: at < 0 ? '' : target.slice(at), encoded };
}

export function isFault(head: RequestHead | HeadFault): head is HeadFault {
  return 'problem' in head;
}

function headerProblem(rawHeaders: readonly string[]): string | undefined {
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    // RFC 9112 3.2: two servers may choose different ones.
    if (name === 'host' && ++hosts > 1) return 'it names two hosts';
    // Node's parser takes `gzip, chunked`, which others read as another length.
    if (name === 'transfer-encoding' && (rawHeaders[index + 1] ?? '').trim().toLowerCase() !== 'chunked') {
      return 'its transfer encoding is not "chunked"';
    }
  }
  return undefined;
}

function targetProblem(target: string): string | undefined {
  if (!target.startsWith('/')) return 'its address is not a path';
  if (target.includes('#')) return 'its address has a fragment';
  return /^[\x21-\x7e]+$/.test(target) ? undefined : 'its address holds characters that are not encoded';
}

function decodedSegments(path: string): readonly string[] | string {
  if (path.includes('//')) return 'its path has an empty segment';
  const decoded: string[] = [];
  for (const segment of path.slice(1).split('/')) {
    const text = decodedText(segment);
    if (text === undefined) return 'its path is not well encoded';
    if (text === '.' || text === '..') return 'its path has a dot segment';
    // A slash that was encoded is one for some routers; a backslash becomes one in browsers.
    if (/[/\\]/.test(text)) return 'its path has an encoded separator';
    // eslint-disable-next-line no-control-regex -- these are what is refused
    if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) return 'its path holds control characters';
    decoded.push(text);
  }
  return decoded;
}

function decodedText(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    // Refuses malformed escapes and what is not UTF-8.
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
