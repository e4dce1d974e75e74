/**
 * What Roost reads in the frames that it passes between a page and Wings: tokens that are presented, the form that the
 * page wants its frames in, and how Wings answers. All else is passed unread.
 */
import { type Message, readBinary, readText } from '../socket/frames.ts';

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

/** The words are looked for first: console lines come by the thousand, and are not parsed for this. */
function messageIn(data: Buffer, binary: boolean, events: readonly string[]): Message | undefined {
  if (data.length > LONGEST_READ || !events.some((event) => data.includes(event))) return undefined;
  const message = binary ? readBinary(data) : readText(data.toString('utf8'));
  return message !== undefined && events.includes(message.event) ? message : undefined;
}
