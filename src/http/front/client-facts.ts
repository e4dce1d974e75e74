/** The client's address and protocol as passed to Wings: of the peer or, behind trusted proxies, what they report. */
import type { IncomingMessage } from 'node:http';
import type { ClientFacts } from '../../relay/relay.ts';
import { plain } from '../connections.ts';
import { vouchedFor } from '../remote-address.ts';

export function clientFacts(
  isProxy: (address: string) => boolean,
  own: ClientFacts['protocol'],
): (incoming: IncomingMessage) => ClientFacts {
  return ({ socket, headers }) => {
    const peer = plain(socket.remoteAddress ?? '0.0.0.0');
    if (!isProxy(peer)) return { address: peer, protocol: own };
    const claimed = headers['x-forwarded-proto'];
    const forwarded = [headers['x-forwarded-for'] ?? []].flat();
    const protocol = claimed === 'http' || claimed === 'https' ? claimed : own;
    return { address: vouchedFor(peer, forwarded.join(','), isProxy), protocol };
  };
}
