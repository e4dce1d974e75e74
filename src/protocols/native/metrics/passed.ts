/** What is passed to Wings, in `/metrics`. */
import { Counter, Gauge, type Registry } from 'prom-client';

export interface PassedTraffic {
  /** Answers of Wings by the first digit of their status (`2xx`). */
  readonly answers: ReadonlyMap<string, number>;
  readonly unanswered: number;
  /** Bytes from clients, and to them. */
  readonly up: number;
  readonly down: number;
  readonly open: number;
  readonly sockets: number;
  /** Keys of Wings' configuration that do not agree with this node's. */
  readonly drift: number;
  /** Whether Wings answered when it was last asked or passed something; undefined while nothing was. */
  readonly wingsUp: boolean | undefined;
}

export function showPassed(registry: Registry, passed: PassedTraffic): void {
  const registers = [registry];
  const answers = new Counter({
    name: 'roost_front_requests_total',
    help: 'Requests passed to Wings, by its answer; "none" where there was none',
    labelNames: ['status'],
    registers,
  });
  for (const [status, count] of passed.answers) answers.inc({ status }, count);
  answers.inc({ status: 'none' }, passed.unanswered);
  const bytes = new Counter({
    name: 'roost_front_bytes_total',
    help: 'Bytes passed; up: from clients',
    labelNames: ['direction'],
    registers,
  });
  bytes.inc({ direction: 'up' }, passed.up);
  bytes.inc({ direction: 'down' }, passed.down);
  const gauge = (name: string, help: string, value: number): void => new Gauge({ name, help, registers }).set(value);
  gauge('roost_front_open_requests', 'Requests that are passed now', passed.open);
  gauge('roost_front_sockets', 'Console sockets that are passed now', passed.sockets);
  gauge('roost_front_config_drift', 'Keys of the configuration of Wings that do not agree with front', passed.drift);
  if (passed.wingsUp !== undefined) {
    gauge('roost_front_wings_up', '1 when Wings answered last', passed.wingsUp ? 1 : 0);
  }
}
