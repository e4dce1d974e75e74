import { once } from 'node:events';
import http from 'node:http';
import net from 'node:net';
import { describe, expect, test } from 'vitest';
import { Failure, asFailure, errnoOf, fetchReason, reasonOf, throwIfAborted } from '../../src/base/failure.ts';

const systemError = (code: string) => Object.assign(new Error(`${code}: it failed`), { code, errno: -1 });

describe('Failure', () => {
  test('comes back from a row or another thread as it was', () => {
    const failure = new Failure('too_large', 'Cannot finish: too large', {
      facts: { limit: 5 },
      hint: 'Less.',
      retry: true,
    });
    const revived = Failure.revive(structuredClone(failure.toJSON()));
    expect(revived).toMatchObject({ code: 'too_large', message: failure.message, hint: 'Less.', retry: true });
    expect(revived.facts).toEqual({ limit: 5 });
  });

  test('keeps the errno of its cause, however deep', () => {
    const inner = new Failure('internal', 'a', { cause: systemError('EACCES') });
    expect(errnoOf(new Error('outer', { cause: inner }))).toBe('EACCES');
    expect(errnoOf(new Error('none'))).toBeUndefined();
  });
});

describe('asFailure', () => {
  test.each(['ENOSPC', 'EDQUOT', 'EFBIG'])('%s is a full disk, with the errno and a hint', (code) => {
    const failure = asFailure(systemError(code), 'Cannot store the archive');
    expect(failure).toMatchObject({ code: 'insufficient_storage', facts: { errno: code }, retry: true });
    expect(failure.message).toBe(`Cannot store the archive: no space left (${code})`);
    expect(failure.hint).toBeDefined();
  });

  test('what is a Failure already stays it', () => {
    const failure = new Failure('forbidden', 'Cannot');
    expect(asFailure(failure, 'Cannot do more')).toBe(failure);
  });

  test('an abort is cancelled, and anything else internal with its cause', () => {
    expect(asFailure(AbortSignal.abort().reason, 'Cannot wait')).toMatchObject({ code: 'cancelled' });
    const cause = new TypeError('odd');
    expect(asFailure(cause, 'Cannot add')).toMatchObject({ code: 'internal', message: 'Cannot add: odd', cause });
    expect(asFailure('text', 'Cannot add').message).toBe('Cannot add: text');
  });
});

describe('throwIfAborted', () => {
  test('throws the Failure that the signal carries, else cancelled', () => {
    const reason = new Failure('interrupted', 'Cannot finish: shut down');
    expect(() => throwIfAborted(AbortSignal.abort(reason), 'Cannot go on')).toThrow(reason);
    expect(() => throwIfAborted(AbortSignal.abort(), 'Cannot go on')).toThrow('Cannot go on: it was cancelled');
    expect(() => throwIfAborted(undefined, 'Cannot go on')).not.toThrow();
    expect(() => throwIfAborted(new AbortController().signal, 'Cannot go on')).not.toThrow();
  });
});

describe('reasonOf', () => {
  /** What Node throws for a name of two addresses that both refuse. */
  async function refusedTwice(): Promise<unknown> {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    server.close();
    await once(server, 'close');
    const addresses = [
      { address: '127.0.0.2', family: 4 },
      { address: '127.0.0.1', family: 4 },
    ];
    const lookup: net.LookupFunction = (_name, _options, found) => found(null, addresses);
    const request = http.request({ host: 'panel.test', port, lookup, agent: false });
    return new Promise((resolve) => request.on('error', resolve).end());
  }

  test('names what each address of a name answered, where Node leaves the message empty', async () => {
    const thrown = await refusedTwice();
    expect((thrown as Error).message).toBe('');
    expect(reasonOf(thrown)).toMatch(/^connect ECONNREFUSED 127\.0\.0\.2:\d+, connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
    expect(errnoOf(thrown)).toBe('ECONNREFUSED');
    expect(fetchReason(new TypeError('fetch failed', { cause: thrown }))).toMatch(/^connect ECONNREFUSED /);
    expect(asFailure(thrown, 'Cannot ask').message).toMatch(/^Cannot ask: connect ECONNREFUSED /);
  });

  test('tell of a port that fetch never connects to, whatever listens there', async () => {
    const thrown: unknown = await fetch('http://127.0.0.1:10080/').catch((error: unknown) => error);
    expect(fetchReason(thrown)).toBe('HTTP clients refuse its port, which belongs to another protocol');
  });

  test.each([
    ['a message', new Error('odd'), 'odd'],
    ['an empty message over a cause', new Error('', { cause: new Error('inner') }), 'inner'],
    ['blanks', new Error('  ', { cause: new Error('inner') }), 'inner'],
    ['a code alone', Object.assign(new Error(''), { code: 'EPIPE' }), 'EPIPE'],
    ['a name alone', new TypeError(''), 'TypeError'],
    ['errors that say nothing', new AggregateError([new Error(''), new TypeError('')]), 'Error, TypeError'],
    ['no errors', new AggregateError([]), 'AggregateError'],
    ['the same twice', new AggregateError([new Error('same'), new Error('same')]), 'same'],
    ['text', 'thrown text', 'thrown text'],
    ['nothing', '', 'no reason was given'],
    ['undefined', undefined, 'undefined'],
  ])('%s', (_, thrown, reason) => {
    expect(reasonOf(thrown)).toBe(reason);
  });

  test('ends for a chain that is a circle', () => {
    const circle = new Error('');
    circle.cause = circle;
    expect(reasonOf(circle)).toBe('Error');
  });
});
