/** Why an event socket is closed by this side. The first two codes are part of the API. */
export const CLOSE = {
  unauthorized: { code: 4401, text: 'unauthorized' },
  forbidden: { code: 4403, text: 'forbidden' },
  // RFC 6455 7.4.1 and its registry: going away, service restart, unacceptable data, policy violation, try again
  // later.
  shuttingDown: { code: 1001, text: 'shutting down' },
  // Its token may not be one any more: whoever still has one connects again.
  tokensChanged: { code: 1012, text: 'the tokens were changed' },
  notText: { code: 1003, text: 'text frames only' },
  tooManyFrames: { code: 1008, text: 'too many frames' },
  tooManySockets: { code: 1013, text: 'too many sockets' },
} as const;
