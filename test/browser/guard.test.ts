/** What every visit of this suite is held to, held to it itself. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { inChromium, openNode, signedIn, SOON } from './support/visitor.ts';

inChromium('a visit', () => {
  test('21: fails its test by a violation of the policy, a request to another origin, and an error on the console', async () => {
    const node = await openNode();
    const { page, context, faults } = await signedIn(node);
    let reached = 0;
    const stranger = createServer((_, response) => {
      reached++;
      response.setHeader('content-type', 'text/html').end('<!doctype html><link rel="icon" href="data:,"><p>hello');
    });
    await new Promise<void>((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => new Promise<void>((resolve) => void stranger.close(() => resolve())));
    const foreign = `http://127.0.0.1:${(stranger.address() as AddressInfo).port}/`;
    expect(faults).toEqual([]);
    const broken = async (act: () => unknown, fault: RegExp): Promise<void> => {
      await act();
      await expect.poll(() => faults.some((each) => fault.test(each)), SOON).toBe(true);
      faults.length = 0;
    };
    const add = (name: string, facts: Readonly<Record<string, string>>): Promise<void> =>
      page.evaluate(
        ([tag, properties]) => document.head.append(Object.assign(document.createElement(tag), properties)),
        [name, facts] as const,
      );
    await broken(() => add('style', { textContent: 'body { color: red }' }), /^policy: .*style-src/);
    await broken(() => add('img', { src: `${foreign}a.png` }), /^policy: .*img-src/);
    await broken(() => page.evaluate((url) => fetch(url).catch(() => undefined), foreign), /^policy: .*connect-src/);
    await broken(
      () => page.evaluate('document.body.innerHTML = "<b>markup</b>"').catch(() => undefined),
      /^(?:policy|error): /,
    );
    await broken(() => page.evaluate('console.error("out of order")'), /^console: out of order$/);
    await broken(() => page.evaluate('void setTimeout(() => { throw new Error("thrown") })'), /^error: thrown$/);
    expect(reached).toBe(0);
    // From a page that no policy holds back, in any tab of the visit.
    const tab = await context.newPage();
    await tab.goto(foreign);
    await broken(
      () => tab.evaluate((url) => fetch(url, { mode: 'no-cors' }).catch(() => undefined), node.url),
      /^other origin: /,
    );
    await tab.close();
  });
});
