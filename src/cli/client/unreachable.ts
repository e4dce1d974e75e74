/** What the command line says of a connection that failed: what is the matter with the address, and what helps. */
import { errnoOf, Failure } from '../../base/failure.ts';

type Words = readonly [reason: string, hint: string];

const ELSEWHERE = 'name another with ROOST_URL';
const START: Words[1] = `Start it with "roost serve --config F" (or "systemctl start roost"), or ${ELSEWHERE}.`;
const AUTHORITY: Words[1] =
  'Name the certificate authority with NODE_EXTRA_CA_CERTS, or the name on the certificate with ROOST_URL.';
const MAY_GO_ON: Words[1] = 'What was asked for may go on: look with "roost backup list".';
const WRONG_SCHEME: Words[1] = 'An address that speaks TLS begins with https://, another with http://.';

/** By what Node or OpenSSL calls the error; the first that fits. */
const KNOWN: readonly (readonly [code: RegExp, words: Words])[] = [
  [/^ECONNREFUSED$/, ['nothing listens there', START]],
  [/^(?:ENOTFOUND|EAI_AGAIN)$/, ['its name has no address', `Check the name, or ${ELSEWHERE}.`]],
  [/^(?:ETIMEDOUT|E(?:HOST|NET)UNREACH)$/, ['no answer comes from there', `Check the network, or ${ELSEWHERE}.`]],
  [/^(?:EPROTO|ERR_SSL_)/, ['it does not speak TLS', WRONG_SCHEME]],
  [/^HPE_/, ['what answers there does not speak HTTP', `Check the port, or ${ELSEWHERE}.`]],
  [/^CERT_HAS_EXPIRED$/, ['its certificate has expired', 'Renew it; the daemon takes the new one by itself.']],
  [/^ERR_TLS_CERT_ALTNAME_INVALID$/, ['its certificate is for another name', AUTHORITY]],
  [/CERT|UNABLE_TO/, ['its certificate is not trusted here', AUTHORITY]],
];

/** @param error of the connection. @returns Failure `internal`; its fact `errno` is what Node called the error. */
export function unreachable(url: URL, error: unknown, { method }: { readonly method: string }): Failure {
  const errno = errnoOf(error) ?? (error as NodeJS.ErrnoException).code ?? 'unknown error';
  const [reason, hint] = wordsFor(errno, method);
  return new Failure('internal', `Cannot reach the daemon at ${url.href}: ${reason}`, {
    cause: error,
    facts: { errno },
    hint,
    retry: true,
  });
}

function wordsFor(errno: string, method: string): Words {
  if (errno === 'ECONNRESET' || errno === 'EPIPE') {
    return ['the connection broke', method === 'GET' ? `Try again. ${WRONG_SCHEME}` : MAY_GO_ON];
  }
  return KNOWN.find(([code]) => code.test(errno))?.[1] ?? [errno, START];
}
