/** What keeping games still needs of a panel of the Wings family: which game a server runs, and tokens for its console. */
import type { Catalogue } from '../catalogue/contract.ts';
import type { Clock } from '../base/clock.ts';
import { signToken } from '../protocols/json-web-token.ts';
import { CONNECT } from '../protocols/wings/tokens/panel-token.ts';
import type { WingsQuiesce } from '../servers/power/power.ts';
import { Recognition } from '../servers/quiesce/recognition.ts';
import type { WingsPanel } from './panel.ts';

/** The user that the tokens of Roost's own console sockets name: of no panel. */
const CONSOLE_USER = 'f0a0b3c2-5d0e-4c1b-8a55-3c7d0e5b9a10';
const TOKEN_SECONDS = 60;
const GAMES = 'recognised-games';

export interface WingsQuiesceDeps {
  readonly catalogue: Pick<Catalogue, 'keys'>;
  readonly clock: Clock;
  readonly wingsPanel: Pick<WingsPanel, 'client' | 'url' | 'flavour'> | undefined;
}

export function wingsQuiesce({ catalogue: { keys }, clock, wingsPanel }: WingsQuiesceDeps): WingsQuiesce {
  const memory = { load: () => keys.getText(GAMES), save: (text: string) => keys.setText(GAMES, text) };
  const client = wingsPanel?.client;
  return {
    games: client && new Recognition({ startup: (server, signal) => client.startup(server, signal), memory, clock }),
    origin: wingsPanel && new URL(wingsPanel.url).origin,
    /** Claims of all three daemons: pterodactyl/wings, pelican-dev/wings router/tokens/websocket.go, calagopus/wings src/remote/jwt.rs. */
    socketToken(server, key) {
      const now = Math.floor(clock.now() / 1000);
      const claims = {
        iss: wingsPanel?.flavour === 'calagopus' ? 'panel' : (wingsPanel?.url ?? 'roost'),
        aud: [],
        jti: CONSOLE_USER,
        iat: now,
        nbf: now - TOKEN_SECONDS,
        exp: now + TOKEN_SECONDS,
        user_uuid: CONSOLE_USER,
        server_uuid: server,
        scope: 'websocket',
        permissions: [CONNECT],
      };
      return signToken(claims, Buffer.from(key, 'utf8'));
    },
  };
}
