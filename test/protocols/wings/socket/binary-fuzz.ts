/** Fuzzed binary frames against one session without a network, by a seed. */
import { encode } from '@msgpack/msgpack';
import { FLAVOURS } from '../../../../src/protocols/wings/flavours/flavours.ts';
import { SocketSession } from '../../../../src/protocols/wings/socket/session.ts';
import { ManualTime } from '../../../support/manual-time.ts';
import { signToken, socketClaims } from '../../../support/panel/jwt.ts';
import { SERVER, UNKNOWN } from '../../../support/scripted-service.ts';
import { NODE_TOKEN, PANEL_URL } from '../../../support/wings-app.ts';

/** Everything that docs/wings.md says a page may be answered. */
const DOCUMENTED = /^(auth success|status|stats|pending restart|pong|daemon message|jwt error|token expired)$/;
const EVENTS = ['ping', 'send stats', 'send status', 'send logs', 'configure socket', 'auth', 'set state', '__proto__'];

function random(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

type Pick = (below: number) => number;

/** Lengths that the bytes cannot hold, nesting to the frame's end, maps, extensions, invalid text, and noise. */
function hostileFrame(pick: Pick): Uint8Array {
  const size = 1 + pick(4096);
  switch (pick(9)) {
    case 0:
      return Uint8Array.from({ length: size }, () => pick(256));
    case 1:
      return new Uint8Array(size).fill(0x91);
    case 2:
      return Uint8Array.of(0xdd, 0xff, 0xff, 0xff, 0xff, pick(256));
    case 3:
      return Uint8Array.from({ length: size - (size % 3) || 3 }, (_, at) => [0xdc, 0x01, 0x00][at % 3] ?? 0);
    case 4:
      return Uint8Array.of(0xdb, 0xff, 0xff, 0xff, pick(256), 0x61);
    case 5:
      return encode({ __proto__x: 1, event: 'send stats', args: [], constructor: { prototype: 1 } });
    case 6:
      return Uint8Array.of(0x92, 0xa4, 0x70, 0x69, 0x6e, 0x67, 0x91, 0xa2, 0xff, 0xfe);
    case 7:
      return encode([EVENTS[pick(EVENTS.length)], Array.from({ length: pick(300) }, () => pick(2) || null)]);
    default: {
      const args = Array.from({ length: pick(6) }, () => 'x'.repeat(pick(600)));
      const good = encode([EVENTS[pick(EVENTS.length)], args]);
      // Cut, or one byte changed.
      if (pick(2) === 0) return good.subarray(0, pick(good.length));
      good[pick(good.length)] = pick(256);
      return good;
    }
  }
}

/** @returns how many frames were answered. @throws when an answer is none of the documented ones. */
export function fuzzBinaryFrames(frames: number, seed: number): { readonly answers: number } {
  const pick = random(seed);
  let answers = 0;
  const open = () => {
    const time = new ManualTime();
    const ended = { yes: false };
    const wire = {
      bufferedAmount: 0,
      send(data: string | Uint8Array): void {
        answers++;
        const event =
          typeof data === 'string'
            ? (JSON.parse(data) as { readonly event: string }).event
            : Buffer.from(data.subarray(2, 2 + ((data[1] ?? 0) & 31))).toString('utf8');
        if (!DOCUMENTED.test(event)) throw new Error(`not documented: ${event}`);
      },
      ping: () => undefined,
      close: () => void (ended.yes = true),
      terminate: () => void (ended.yes = true),
    };
    const session = new SocketSession({
      wire,
      server: SERVER,
      facts: FLAVOURS.calagopus,
      key: () => Buffer.from(NODE_TOKEN),
      denylist: { startedAt: 0, isDenied: () => false },
      game: { state: 'offline', stats: '{}' },
      suspended: false,
      clock: time,
      timers: time,
      newErrorId: () => UNKNOWN,
    });
    const user = { id: 1, uuid: UNKNOWN };
    const subject = { flavour: 'calagopus', panelUrl: PANEL_URL, daemonUrl: '', user, server: SERVER } as const;
    const claims = socketClaims({ ...subject, now: time.now(), scoped: true }, ['*']);
    session.begin();
    session.receive(encode(['auth', [signToken(claims, NODE_TOKEN)]]));
    return { session, time, ended };
  };
  let page = open();
  for (let sent = 0; sent < frames; sent++) {
    if (page.ended.yes) page = open();
    // Slower than the limit, so that each frame is read.
    page.time.advance(60);
    page.session.receive(hostileFrame(pick));
  }
  return { answers };
}
