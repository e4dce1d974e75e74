import fs from 'node:fs';
import os from 'node:os';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { durabilityFor, flushFileSystem, isKernelFair } from '../../../src/archive/unpack/flush.ts';
import { thrownBy } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';

async function openScratch(): Promise<number> {
  const root = fs.openSync(await scratchDirectory(), 'r');
  onTestFinished(() => fs.closeSync(root));
  return root;
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('how to make a tree durable', () => {
  it('is not at all when nobody asks for it', async () => {
    expect(durabilityFor(await openScratch(), false)).toBe('none');
  });

  it('is one flush where the kernel reports what failed', async () => {
    vi.spyOn(os, 'release').mockReturnValue('6.1.0-18-amd64');
    expect(durabilityFor(await openScratch(), true)).toBe('once');
  });

  it('is a flush of each on older kernels', async () => {
    vi.spyOn(os, 'release').mockReturnValue('5.4.0-150-generic');
    expect(durabilityFor(await openScratch(), true)).toBe('each');
  });

  it('is a flush of each on FUSE, which may not pass the other one on', async () => {
    const root = await openScratch();
    const fuse = fs.statfsSync('/');
    fuse.type = 0x65735546;
    vi.spyOn(fs, 'statfsSync').mockReturnValue(fuse);
    expect(durabilityFor(root, true)).toBe('each');
  });

  it.each([
    ['5.8.0', true],
    ['5.10.0-28-amd64', true],
    ['10.0', true],
    ['5.7.19', false],
    ['4.19.0-26-amd64', false],
    ['3.10.0-1160.el7.x86_64', false],
    ['?', false],
  ])('trusts kernel %s: %s', (release, fair) => {
    expect(isKernelFair(release)).toBe(fair);
  });
});

describe('flushing a file system', () => {
  it('returns when all is on the disk', async () => {
    flushFileSystem(await openScratch());
  });

  it('fails with the errno when the system says no', () => {
    const failure = thrownBy(() => flushFileSystem(-1), 'internal');
    expect(failure.facts).toMatchObject({ errno: os.constants.errno.EBADF });
  });
});
