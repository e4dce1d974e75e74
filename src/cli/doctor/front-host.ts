/** Checks what lies around a front: the units of its host, and its clock beside that of the panel. */
import { isoDate, MINUTE_MS } from '../../base/clock.ts';
import { fault, type Finding, warning } from '../../base/finding.ts';
import { type FrontHost, ROOST_UNIT, unitProperty, WINGS_UNIT } from '../front/host.ts';

const CHECK = 'front';
const MEND = 'sudo roost front mends it.';

/** Nothing to say where systemd does not run both, such as in a container. */
export async function checkUnits(host: FrontHost): Promise<Finding[]> {
  const property = (unit: string, name: string): Promise<string> => unitProperty(host, unit, name).catch(() => '');
  for (const unit of [ROOST_UNIT, WINGS_UNIT]) if ((await property(unit, 'LoadState')) !== 'loaded') return [];
  const found: Finding[] = [];
  if (!(await property(ROOST_UNIT, 'Before')).split(/\s+/).includes(WINGS_UNIT)) {
    const problem = `${ROOST_UNIT} does not start before ${WINGS_UNIT}: after a power failure games could start on half a restore`;
    found.push(warning(CHECK, problem, MEND));
  }
  const state = await property(ROOST_UNIT, 'UnitFileState');
  if (state !== 'enabled') {
    const problem = `${ROOST_UNIT} is ${state === '' ? 'not enabled' : state}: once this host has started again, its node is away`;
    found.push(fault(CHECK, problem, MEND));
  }
  return found;
}

const ANSWER_MS = 10_000;
/** Panels sign tokens that hold from five minutes before to ten minutes after their own time. */
const [ODD_MS, REFUSED_MS] = [MINUTE_MS, 5 * MINUTE_MS];

/** Compares this host's clock with the `Date` of an answer of the panel, which tells whole seconds. @param now of the clock. */
export async function checkPanelClock(panel: string, now: () => number): Promise<Finding[]> {
  const began = now();
  const answer = await fetch(panel, {
    method: 'HEAD',
    redirect: 'manual',
    signal: AbortSignal.timeout(ANSWER_MS),
  }).catch(() => undefined);
  if (answer === undefined) {
    const hint =
      'Backups go on, and their reports are kept for it. Check the network of this host, and `remote` of the file of Wings.';
    return [warning(CHECK, `The panel does not answer at ${panel}`, hint)];
  }
  const theirs = Date.parse(answer.headers.get('date') ?? '');
  const ahead = (began + now()) / 2 - theirs;
  if (!(Math.abs(ahead) > ODD_MS)) return [];
  const minutes = Math.round(Math.abs(ahead) / MINUTE_MS);
  const problem = `The clock of this host is ${minutes} min ${ahead > 0 ? 'ahead of' : 'behind'} that of the panel (${isoDate(theirs)})`;
  const hint = 'timedatectl set-ntp true, on both: consoles and downloads go by tokens that hold for minutes.';
  return [Math.abs(ahead) > REFUSED_MS ? fault(CHECK, problem, hint) : warning(CHECK, problem, hint)];
}
