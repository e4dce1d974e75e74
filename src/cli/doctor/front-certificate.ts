/** Checks the certificate of a front: how long it holds, for which names, and whether the panel calls one of them. */
import { X509Certificate } from 'node:crypto';
import fs from 'node:fs';
import { isIP } from 'node:net';
import { DAY_MS } from '../../base/clock.ts';
import { attempt } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { fault, fine, type Finding, warning } from '../../base/finding.ts';
import { countText } from '../../base/sizes.ts';

const CHECK = 'front';
/** An authority's certificates are renewed a month before their end. */
const FEW_DAYS = 14;
const RENEW = 'Renew it (certbot renew); a new one is served within a minute.';

/**
 * @param now milliseconds since the epoch.
 * @param called the host name by which the panel calls this node; undefined where none is known.
 */
export function checkCertificate(path: string, called: string | undefined, now: number): Finding[] {
  const certificate = attempt(() => new X509Certificate(fs.readFileSync(path)));
  if (certificate === undefined) return [fault(CHECK, `Cannot read the certificate ${path}`, RENEW)];
  const names = namesOf(certificate);
  const found = [...checkTimes(certificate, path, now), ...checkNames(certificate, path, names, called)];
  if (found.length > 0) return found;
  const days = daysLeft(certificate, now);
  return [fine(CHECK, `The certificate is for ${names}, and ends in ${countText(days, 'day')}`)];
}

function daysLeft({ validToDate }: X509Certificate, now: number): number {
  return Math.floor((validToDate.getTime() - now) / DAY_MS);
}

function checkTimes(certificate: X509Certificate, path: string, now: number): Finding[] {
  if (certificate.validFromDate.getTime() > now) {
    const from = certificate.validFromDate.toISOString();
    return [fault(CHECK, `The certificate ${path} is not valid before ${from}`, 'Is the clock of this host right?')];
  }
  const days = daysLeft(certificate, now);
  if (days < 0) return [fault(CHECK, `The certificate ${path} has ended`, RENEW)];
  return days < FEW_DAYS ? [warning(CHECK, `The certificate ${path} ends in ${countText(days, 'day')}`, RENEW)] : [];
}

function checkNames(certificate: X509Certificate, path: string, names: string, called: string | undefined): Finding[] {
  if (called === undefined) return [];
  const fits = isIP(called) === 0 ? certificate.checkHost(called) : certificate.checkIP(called);
  if (fits !== undefined) return [];
  const hint = 'Browsers refuse it: get one for that name (certbot), or correct the name of the node in the panel.';
  return [fault(CHECK, `The panel calls this node ${called}, and the certificate ${path} is for ${names}`, hint)];
}

/** `DNS:a.example, IP Address:192.0.2.7` in short. */
function namesOf({ subjectAltName, subject }: X509Certificate): string {
  const names = subjectAltName?.replaceAll(/(?:DNS|IP Address):/g, '') ?? /CN=(.*)/.exec(subject ?? '')?.[1];
  return printableText(names ?? 'no name');
}
