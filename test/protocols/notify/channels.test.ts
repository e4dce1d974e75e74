import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { parseConfig } from '../../../src/config/config.ts';
import type { NoticeMessage } from '../../../src/jobs/notify/port.ts';
import { noticeSender } from '../../../src/protocols/notify/sender.ts';
import { type HttpSink, startSink } from '../../support/http-sink.ts';
import { StillClock } from '../../support/still-clock.ts';

const MESSAGE: NoticeMessage = {
  id: 'cccccccc-0000-4000-8000-000000000001',
  event: 'backup.failed',
  level: 'bad',
  time: '2026-01-01T00:00:00.000Z',
  node: 'node1',
  server: { id: '11111111-1111-4111-8111-111111111111', name: 'survival' },
  backup: 'bbbbbbbb-0000-4000-8000-000000000001',
  job: 'cccccccc-0000-4000-8000-000000000002',
  message: 'A backup of survival failed: No room',
  hint: 'Free some.',
  data: { code: 'insufficient_storage' },
};
const LOCAL = ['127.0.0.1'];

function channelOf(yaml: string) {
  const { channels } = parseConfig('c.yml', `notify: { channels: [ { name: ops, ${yaml} } ] }`, {}).notify;
  const [channel] = channels;
  if (channel === undefined) throw new Error('one was named');
  return channel;
}

async function sent(sink: HttpSink, yaml: string, message = MESSAGE, allowlist: readonly string[] = LOCAL) {
  const sender = noticeSender({ clock: new StillClock(), userAgent: 'Roost/test' });
  await sender.send(channelOf(yaml), message, allowlist, new AbortController().signal);
  const last = sink.received.at(-1);
  if (last === undefined) throw new Error('nothing was received');
  return last;
}

async function failureOf(sending: Promise<unknown>): Promise<Failure> {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof Failure) return error;
  throw new Error('it was sent');
}

describe('a webhook', () => {
  test('gets the whole message and its text, signed over id, time and body', async () => {
    const sink = await startSink();
    const { headers, body, method } = await sent(
      sink,
      `type: webhook, url: "${sink.url}/hook", secret: "0123456789abcdef"`,
    );
    expect(method).toBe('POST');
    expect(JSON.parse(body)).toEqual({ ...MESSAGE, text: 'node1: A backup of survival failed: No room\nFree some.' });
    const time = String(Date.UTC(2026, 0, 1) / 1000);
    expect(headers).toMatchObject({ 'webhook-id': MESSAGE.id, 'webhook-timestamp': time, 'user-agent': 'Roost/test' });
    const expected = createHmac('sha256', '0123456789abcdef').update(`${MESSAGE.id}.${time}.${body}`).digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${expected}`);
  });

  test('takes a key as the standard writes it, and is not signed without one', async () => {
    const sink = await startSink();
    const key = Buffer.from('sixteen or more bytes');
    const { headers, body } = await sent(
      sink,
      `type: webhook, url: "${sink.url}", secret: "whsec_${key.toString('base64')}"`,
    );
    const signed = createHmac('sha256', key)
      .update(`${MESSAGE.id}.${headers['webhook-timestamp'] as string}.${body}`)
      .digest('base64');
    expect(headers['webhook-signature']).toBe(`v1,${signed}`);
    expect((await sent(sink, `type: webhook, url: "${sink.url}"`)).headers).not.toHaveProperty('webhook-signature');
  });
});

test('Discord gets an embed in the level’s colour that mentions nobody', async () => {
  const sink = await startSink();
  const { path, body } = await sent(sink, `type: discord, url: "${sink.url}/api/webhooks/1/abc?wait=true"`);
  expect(path).toBe('/api/webhooks/1/abc?wait=true');
  expect(JSON.parse(body)).toEqual({
    embeds: [
      {
        title: 'backup.failed',
        description: 'node1: A backup of survival failed: No room\nFree some.',
        color: 0xd1242f,
        timestamp: MESSAGE.time,
      },
    ],
    allowed_mentions: { parse: [] },
  });
});

test('Discord reads no Markdown in names; a template may hold some', async () => {
  const sink = await startSink();
  const server = { id: 'x', name: '[log in](https://evil.test) **now**\\' };
  const template = `template: "**{server}** {message}"`;
  const { body } = await sent(sink, `type: discord, url: "${sink.url}", ${template}`, { ...MESSAGE, server });
  const [embed] = (JSON.parse(body) as { embeds: { description: string }[] }).embeds;
  const name = String.raw`\[log in\]\(https://evil.test\) \*\*now\*\*\\`;
  expect(embed?.description).toBe(`**${name}** A backup of survival failed: No room`);
});

test('ntfy gets JSON at the root, with the topic of the address, a priority and the token', async () => {
  const sink = await startSink();
  const { path, headers, body } = await sent(sink, `type: ntfy, url: "${sink.url}/behind/my-topic", token: tk_1`);
  expect([path, headers.authorization]).toEqual(['/behind/', 'Bearer tk_1']);
  expect(JSON.parse(body)).toMatchObject({ topic: 'my-topic', title: 'backup.failed', priority: 4 });
});

test('a text is cut where ntfy would refuse it, between two characters', async () => {
  const sink = await startSink();
  const message = { ...MESSAGE, message: '"雪😀'.repeat(1000) };
  const { body } = await sent(sink, `type: ntfy, url: "${sink.url}/my-topic"`, message);
  expect(Buffer.byteLength(body)).toBeLessThan(8192);
  const text = (JSON.parse(body) as { message: string }).message;
  expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
  expect(text.slice(-6)).toMatch(/^(?:"|雪|😀)+…$/u);
});

test('healthchecks hears of start, end and failure of one run, and of a test without a change of state', async () => {
  const sink = await startSink();
  const yaml = `type: healthchecks, url: "${sink.url}/ping/uuid"`;
  const paths: string[] = [];
  for (const event of ['backup.started', 'backup.completed', 'backup.failed', 'server.overdue', 'test'] as const) {
    const level =
      event === 'backup.completed' ? 'good' : event === 'test' || event === 'backup.started' ? 'info' : 'bad';
    paths.push((await sent(sink, yaml, { ...MESSAGE, event, level })).path);
  }
  const rid = `?rid=${MESSAGE.job ?? ''}`;
  expect(paths).toEqual(['/start', '', '/fail', '/fail', '/log'].map((end) => `/ping/uuid${end}${rid}`));
});

test('a template says what is told; words within names stay what they are', async () => {
  const sink = await startSink();
  const message = { ...MESSAGE, server: { id: 'x', name: '{node}\u001b[2J' } };
  const { body } = await sent(
    sink,
    `type: webhook, url: "${sink.url}", template: "{level} {server}: {message}"`,
    message,
  );
  expect((JSON.parse(body) as { text: string }).text).toBe('bad {node}\\x1b[2J: A backup of survival failed: No room');
});

describe('an answer', () => {
  test('that is not 2xx is a failure with its status and a part of its text, without the address’s path', async () => {
    const sink = await startSink();
    sink.answer = { status: 404, body: 'Unknown \u001b[31mWebhook' };
    const { message, hint } = await failureOf(sent(sink, `type: discord, url: "${sink.url}/secret-path"`));
    expect(message).toMatch(/answered 404: Unknown \\x1b/);
    expect(message).not.toContain('secret-path');
    expect(hint).toContain('notify');
  });

  test('that redirects is not followed', async () => {
    const [sink, other] = [await startSink(), await startSink()];
    sink.answer = { status: 307, headers: { location: `${other.url}/inside` } };
    const { message } = await failureOf(sent(sink, `type: webhook, url: "${sink.url}"`));
    expect(message).toContain('answered 307');
    expect(other.received).toEqual([]);
  });

  test('that asks for a pause tells how long, in the header or in Discord’s body', async () => {
    const sink = await startSink();
    sink.answer = { status: 429, headers: { 'retry-after': '30' } };
    expect((await failureOf(sent(sink, `type: webhook, url: "${sink.url}"`))).facts['retryAfterMs']).toBe(30_000);
    sink.answer = { status: 429, body: '{"retry_after": 1.5, "global": false}' };
    expect((await failureOf(sent(sink, `type: discord, url: "${sink.url}"`))).facts['retryAfterMs']).toBe(1500);
  });
});

describe('an address', () => {
  const refused = ['127.0.0.1', '10.0.0.5', '[::1]', '169.254.169.254', '[::ffff:127.0.0.1]', '0.0.0.0', '2130706433'];

  test.each(refused)('in private (%s) is refused unless it is allowed', async (host) => {
    const sink = await startSink();
    const failure = await failureOf(sent(sink, `type: webhook, url: "http://${host}:9/"`, MESSAGE, []));
    expect(failure).toMatchObject({ code: 'invalid_request', hint: expect.stringContaining('notify.host_allowlist') });
    expect(sink.received).toEqual([]);
  });

  test('of a name that leads to a private address is refused, also when only one of several does', async () => {
    const resolve = async () => [
      { address: '93.184.216.34', family: 4 },
      { address: '10.0.0.1', family: 4 },
    ];
    const sender = noticeSender({ clock: new StillClock(), userAgent: 'Roost/test', resolve });
    const channel = channelOf('type: webhook, url: "http://rebind.test/"');
    const { signal } = new AbortController();
    expect(await failureOf(sender.send(channel, MESSAGE, [], signal))).toMatchObject({ code: 'invalid_request' });
  });

  test('is connected to as it was checked: a second look-up changes nothing', async () => {
    const sink = await startSink();
    let asked = 0;
    const resolve = async () => [{ address: asked++ === 0 ? '127.0.0.1' : '10.255.255.1', family: 4 }];
    const sender = noticeSender({ clock: new StillClock(), userAgent: 'Roost/test', resolve });
    const channel = channelOf(`type: webhook, url: "${sink.url.replace('127.0.0.1', 'sink.test')}"`);
    await sender.send(channel, MESSAGE, ['sink.test'], new AbortController().signal);
    expect([sink.received.length, asked]).toEqual([1, 1]);
  });

  test('where nothing listens is a failure that may pass', async () => {
    const sink = await startSink();
    const failure = await failureOf(sent(sink, 'type: webhook, url: "http://127.0.0.1:1/"'));
    expect(failure).toMatchObject({ code: 'store_unreachable', retry: true });
  });
});

describe('the config of channels', () => {
  const faults = (yaml: string): string => {
    try {
      parseConfig('c.yml', `notify: { channels: [ ${yaml} ] }`, {});
      return '';
    } catch (error) {
      return (error as Failure).message;
    }
  };

  test('tells troubles by default, and runs to healthchecks', () => {
    expect(channelOf('type: webhook, url: "https://a.test"').events).toContain('server.overdue');
    expect(channelOf('type: webhook, url: "https://a.test"').events).not.toContain('backup.completed');
    expect(channelOf('type: healthchecks, url: "https://a.test"').events).toContain('backup.started');
  });

  test('names unknown words of templates, addresses that are none, and names that are taken', () => {
    expect(faults('{ name: a, type: webhook, url: "https://a.test", template: "{servr}" }')).toContain(
      'has no word {servr}',
    );
    expect(faults('{ name: a, type: webhook, url: "file-of-mine" }')).toContain('must be a URL');
    for (const path of ['', '/', '/a%20b', '/über', `/${'x'.repeat(65)}`]) {
      expect(faults(`{ name: a, type: ntfy, url: "https://ntfy.test${path}" }`)).toContain('names no topic of ntfy');
    }
    const twice = '{ name: a, type: webhook, url: "https://a.test" }';
    expect(faults(`${twice}, ${twice}`)).toContain('is the name of another channel too');
    expect(faults('{ name: a, type: webhook, url: "https://a.test", events: [backup.fialed] }')).toContain('events');
  });
});
