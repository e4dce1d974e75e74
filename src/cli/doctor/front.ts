/** Checks a Roost in front of Wings: whether both can be reached, and whether Wings' next start would break that. */
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import { fault, fine, type Finding, warning } from '../../base/finding.ts';
import type { Config, FrontConfig } from '../../config/config.ts';
import { driftOf, readWingsConfig, type WingsConfig } from '../../servers/wings-config.ts';
import { readPush } from '../../servers/panel-push.ts';
import type { FrontHost } from '../front/host.ts';
import { askWings } from '../front/running-wings.ts';
import { checkCertificate } from './front-certificate.ts';
import { checkPanelClock, checkUnits } from './front-host.ts';

const CHECK = 'front';
const MEND = 'sudo roost front mends it; sudo roost front --undo gives the node back to Wings.';

/** @param host whose units are looked at. */
export async function checkFront(
  { front, panel, stateDirectory }: Pick<Config, 'front' | 'panel' | 'stateDirectory'>,
  { now }: Pick<Clock, 'now'>,
  host: FrontHost,
): Promise<Finding[]> {
  if (front === null) return [];
  const findings: Finding[] = [];
  const wings = front.wingsConfig === null ? undefined : await readOrFault(front.wingsConfig, findings);
  for (const drift of wings === undefined ? [] : driftOf(wings, front.wings)) {
    findings.push(fault(CHECK, `The next start of Wings parts it from Roost: ${drift}`, MEND));
  }
  const token = panel.given.token?.reveal() ?? wings?.token.reveal();
  if (token !== undefined) findings.push(...(await checkReached(front, token)));
  findings.push(...(await checkUnits(host)));
  const url = panel.given.url ?? wings?.remote;
  if (url !== undefined) findings.push(...(await checkPanelClock(url, now)));
  const answers = findings.length > 0 ? findings : [fine(CHECK, `Wings answers at ${front.wings}, and only there`)];
  const { tls } = front.listen;
  const called = readPush(stateDirectory)?.name ?? wings?.name;
  return tls === null ? answers : [...answers, ...checkCertificate(tls.cert, called ?? undefined, now())];
}

async function readOrFault(path: string, findings: Finding[]): Promise<WingsConfig | undefined> {
  try {
    return await readWingsConfig(path);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    findings.push(fault(CHECK, error.message, error.hint));
    return undefined;
  }
}

async function checkReached({ wings }: FrontConfig, token: string): Promise<Finding[]> {
  const asked = await askWings(wings, token);
  if (asked === 'nothing answers') {
    const hint = 'systemctl status wings; journalctl -u wings says why. Backups go on meanwhile.';
    return [fault(CHECK, `Wings does not answer at ${wings}`, hint)];
  }
  if (asked === 'something else') {
    return [fault(CHECK, `What answers at ${wings} is no Wings`, `Free that port and restart Wings. ${MEND}`)];
  }
  if (asked === 'another token') {
    const hint =
      'systemctl restart wings reads its file again; a token that only its environment has goes to panel.token.';
    return [fault(CHECK, `Wings at ${wings} refuses the token of its file`, hint)];
  }
  return checkElsewhere(wings, token);
}

/** Warns when Wings also answers on another address of this host: clients could reach it without passing Roost. */
async function checkElsewhere(wings: string, token: string): Promise<Finding[]> {
  const { port } = new URL(wings);
  for (const { address, family, internal } of Object.values(networkInterfaces()).flatMap((each) => each ?? [])) {
    if (internal || family !== 'IPv4') continue;
    if (typeof (await askWings(`http://${address}:${port}`, token)) === 'string') continue;
    return [warning(CHECK, `Wings can be reached past Roost, at ${address}:${port}`, MEND)];
  }
  return [];
}
