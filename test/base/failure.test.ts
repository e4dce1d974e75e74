import { describe, expect, test } from 'vitest';
import { Failure, asFailure, errnoOf, throwIfAborted } from '../../src/base/failure.ts';

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
