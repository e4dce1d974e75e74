/**
 * What Roost reads in the frames that it passes between a page and Wings: tokens that are presented, the form that the
 * page wants its frames in, and how Wings answers. All else is passed unread, but while the server is being restored.
 */
import { binaryOf, type Message, readBinary, readText } from '../socket/frames.ts';

/** Larger frames are none of those that are read. */
const LONGEST_READ = 16 * 1024;

const FROM_PAGE = ['auth', 'configure socket'];
const FROM_WINGS = ['auth success', 'jwt error', 'token expired'];

/** @returns the frame where Roost has to know it. */
export function readFromPage(data: Buffer, binary: boolean): Message | undefined {
  return messageIn(data, binary, FROM_PAGE);
}

export function readFromWings(data: Buffer, binary: boolean): Message | undefined {
  return messageIn(data, binary, FROM_WINGS);
}

/** What a page may say while its server is being restored. Of all others, and of misspelt ones, nothing is passed. */
const WHILE_RESTORING: ReadonlySet<string> = new Set([
  'auth',
  'send logs',
  'send stats',
  'send command',
  'send status',
  'configure socket',
  'ping',
  'pong',
]);

/**
 * A frame of a page whose server is being restored, written again from the parsed fields: Wings' parser, which takes
 * keys in any case and one of several, sees nothing else in it.
 *
 * @returns what to pass; 'set state' for a change of power; undefined for what is dropped.
 */
export function whileRestoring(data: Buffer, binary: boolean): Buffer | 'set state' | undefined {
  const message = binary ? readBinary(data) : readExact(data.toString('utf8'));
  if (message === undefined) return undefined;
  const { event, args } = message;
  if (event === 'set state') return 'set state';
  if (!WHILE_RESTORING.has(event)) return undefined;
  return Buffer.from(binary ? binaryOf([event, ...args]) : JSON.stringify({ event, args }));
}

/** A text frame with no key but `event` and `args`. */
function readExact(text: string): Message | undefined {
  const message = readText(text);
  if (message === undefined) return undefined;
  const keys = Object.keys(JSON.parse(text) as object);
  return keys.every((key) => key === 'event' || key === 'args') ? message : undefined;
}

/** The words are looked for first: console lines come by the thousand, and are not parsed for this. */
function messageIn(data: Buffer, binary: boolean, events: readonly string[]): Message | undefined {
  if (data.length > LONGEST_READ || !events.some((event) => data.includes(event))) return undefined;
  const message = binary ? readBinary(data) : readText(data.toString('utf8'));
  return message !== undefined && events.includes(message.event) ? message : undefined;
}
