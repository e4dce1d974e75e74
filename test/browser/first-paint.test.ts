/** Check 24: what the page costs who builds it and who opens it. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { scratchDirectory } from '../support/scratch.ts';
import { inChromium, openNode, visit } from './support/visitor.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const KIB = 1024;
/** Of the processor; a build begins with the daemon and ends with the page, so this is how much longer it takes. */
const MOST_BUILD_SECONDS = 3;

interface Paint {
  readonly firstMs: number;
  readonly files: number;
  readonly bytes: number;
  /** Scripts of views that are not shown first. */
  readonly later: readonly string[];
}

inChromium('what the page costs', () => {
  test('24: first paint needs at most 60 KB of script and style, and nothing of the views that come later', async () => {
    const node = await openNode();
    const { page } = await visit();
    await page.goto(await node.link());
    await page.getByRole('list', { name: 'Servers' }).getByText('11111111').first().waitFor();
    const paint = await page.evaluate(async (): Promise<Paint> => {
      // What is drawn may not be painted yet.
      const first = await new Promise<number>((painted) => {
        new PerformanceObserver((list) => {
          for (const { startTime } of list.getEntriesByName('first-contentful-paint')) painted(startTime);
        }).observe({ type: 'paint', buffered: true });
      });
      const files = (performance.getEntriesByType('resource') as PerformanceResourceTiming[]).filter(
        ({ name, startTime }) => startTime < first && /\.(?:js|css)$/.test(name),
      );
      return {
        firstMs: Math.round(first),
        files: files.length,
        later: files
          .map(({ name }) => name.slice(name.lastIndexOf('/') + 1))
          .filter((name) => /^(?:server|browse|find|jobs|schedules|health|account|chart)-/.test(name)),
        bytes: files.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
      };
    });
    console.log('first paint:', paint);
    expect(paint.firstMs).toBeGreaterThan(0);
    expect(paint.bytes).toBeGreaterThan(0);
    expect(paint.bytes).toBeLessThanOrEqual(60 * KIB);
    expect(paint.later).toEqual([]);
  });
});

test('24: the page makes a build at most three seconds longer', async () => {
  const words = ['vite', 'build', '--config', 'web/page/vite.config.ts', '--logLevel', 'warn', '--outDir'];
  const script = 'TIMEFORMAT="%U %S"; time "$@" >&2';
  const into = join(await scratchDirectory(), 'web');
  const path = `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  const told = execFileSync('bash', ['-c', `{ ${script}; } 2>&1 | tail -n 1`, 'build', ...words, into], {
    cwd: ROOT,
    env: { ...process.env, PATH: path },
    encoding: 'utf8',
  });
  const seconds = told
    .trim()
    .split(' ')
    .reduce((sum, each) => sum + Number(each), 0);
  console.log(`building the page took ${seconds.toFixed(1)} s of the processor`);
  expect(seconds).toBeGreaterThan(0);
  expect(seconds).toBeLessThanOrEqual(MOST_BUILD_SECONDS);
});
