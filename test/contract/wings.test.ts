import { openWings } from '../support/wings/wings.ts';
import { wingsContract } from './wings.ts';
import { SERVER } from '../support/scripted-service.ts';

wingsContract('a Wings double', async () => {
  const wings = await openWings({ servers: [SERVER] });
  const { flavour, port, token, file } = wings;
  return { flavour, port, token, panelUrl: 'https://panel.test', server: SERVER, file: () => file.read() };
});
