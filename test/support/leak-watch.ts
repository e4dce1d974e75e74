/**
 * Fails a test, and a test file, that leaves a descriptor (file, pipe, listening socket), a timer or a thread behind. A setup file of
 * all tests (vitest.config.ts): files of the quick project share a process, so each must end as it began.
 */
import { afterAll, beforeEach, expect, onTestFinished } from 'vitest';
import { openNow, stillOpenSince } from './open-resources.ts';

/** Closing a socket or a thread ends a few turns of the event loop later. */
const CLOSING_MS = 3000;

const atStart = openNow();

beforeEach(() => {
  const before = openNow();
  // Registered first, so it runs after all that the test registers.
  onTestFinished(async () => {
    expect(await stillOpenSince(before, CLOSING_MS), 'left open by this test').toEqual([]);
  });
});

// Registered first, so it runs after all that the file registers.
afterAll(async () => {
  expect(await stillOpenSince(atStart, CLOSING_MS), 'left open by this file').toEqual([]);
});
