/** The bars, drawn on a canvas: thousands of them cost no element. */
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { Attempt } from '../../api/shapes.ts';
import { bytes, count, duration } from '../../words/format.ts';

export type Measure = 'size' | 'seconds' | 'files';

export interface ChartOptions {
  readonly attempts: readonly Attempt[];
  readonly measure: Measure;
  readonly chosen: string | undefined;
  readonly onChoose: (backup: string) => void;
}

const HEIGHT = 190;
const DOT = 2.5;

/** @returns what removes it. */
export function drawChart(place: HTMLElement, options: ChartOptions): () => void {
  const draw = (): uPlot => plotIn(place, options);
  let plot = draw();
  const again = (): void => {
    plot.destroy();
    plot = draw();
  };
  // Colours come from the theme.
  const themes = new MutationObserver(again);
  themes.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  const preferred = matchMedia('(prefers-color-scheme: dark)');
  preferred.addEventListener('change', again);
  const sizes = new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: HEIGHT }));
  sizes.observe(place);
  return () => {
    sizes.disconnect();
    themes.disconnect();
    preferred.removeEventListener('change', again);
    plot.destroy();
  };
}

function plotIn(place: HTMLElement, { attempts, measure, chosen, onChoose }: ChartOptions): uPlot {
  const colour = (name: string): string => resolved(place, `var(${name})`);
  const good = attempts.map((attempt) => (attempt.status === 'COMPLETED' ? valueOf(attempt, measure) : null));
  const highest = Math.max(1, ...good.map((value) => value ?? 0));
  let before = highest;
  const failed = attempts.map((attempt, at) => {
    before = good[at] ?? before;
    return attempt.status === 'FAILED' ? before : null;
  });
  const fresh = attempts.map((attempt) =>
    measure === 'size' && attempt.status === 'COMPLETED' ? attempt.size - attempt.reusedBytes : null,
  );
  const at = attempts.findIndex(({ backup }) => backup === chosen);
  const bars = uPlot.paths.bars?.({ size: [0.72, 26], radius: 0.12 });
  const filled = (fill: string, stroke = fill): uPlot.Series => ({
    fill,
    stroke,
    width: 0,
    points: { show: false },
    ...(bars === undefined ? {} : { paths: bars }),
  });
  const quiet = { stroke: colour('--faint'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
  const plot: uPlot = new uPlot(
    {
      width: Math.max(200, place.clientWidth),
      height: HEIGHT,
      legend: { show: false },
      cursor: { x: false, y: false, points: { show: false }, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: [-0.6, attempts.length - 0.4] },
        y: { range: [0, highest * 1.12] },
      },
      series: [
        {},
        filled(colour(measure === 'size' ? '--reuse' : '--accent-fill')),
        filled(colour('--accent-fill')),
        filled(colour('--bad-soft'), colour('--bad-fill')),
      ],
      axes: [
        {
          ...quiet,
          grid: { show: false },
          space: 80,
          gap: 12,
          size: 44,
          values: (_, splits) => splits.map((split) => dateOf(attempts[split])),
        },
        { ...quiet, size: 66, values: (_, splits) => splits.map((split) => textOf(split, measure)) },
      ],
      hooks: {
        drawClear: [(self) => markChosen(self, at, colour('--accent-soft'))],
        draw: [(self) => markKept(self, attempts, colour('--ok-fill'))],
      },
    },
    [attempts.map((_, index) => index), good, fresh, failed],
    place,
  );
  plot.over.addEventListener('click', () => {
    const found = attempts[plot.cursor.idx ?? -1];
    if (found !== undefined && found.goneAt === undefined) onChoose(found.backup);
  });
  return plot;
}

function valueOf(attempt: Attempt, measure: Measure): number {
  return attempt[measure] ?? 0;
}

function textOf(value: number, measure: Measure): string {
  if (measure === 'size') return bytes(value);
  return measure === 'files' ? count(value) : duration(value * 1000);
}

const DATES = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

function dateOf(attempt: Attempt | undefined): string {
  return attempt === undefined ? '' : DATES.format(new Date(attempt.createdAt));
}

function markChosen(plot: uPlot, at: number, fill: string): void {
  if (at < 0) return;
  const { ctx, bbox } = plot;
  const [from, to] = [plot.valToPos(at - 0.5, 'x', true), plot.valToPos(at + 0.5, 'x', true)];
  ctx.save();
  ctx.fillStyle = fill;
  ctx.fillRect(from, bbox.top, to - from, bbox.height);
  ctx.restore();
}

/** A dot below each that is still there. */
function markKept(plot: uPlot, attempts: readonly Attempt[], fill: string): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.fillStyle = fill;
  for (const [at, { status, goneAt }] of attempts.entries()) {
    if (status !== 'COMPLETED' || goneAt !== undefined) continue;
    ctx.beginPath();
    ctx.arc(plot.valToPos(at, 'x', true), bbox.top + bbox.height + 5 * ratio, DOT * ratio, 0, 2 * Math.PI);
    ctx.fill();
  }
  ctx.restore();
}

/** A colour as the browser computes it, with the theme of now. */
function resolved(place: HTMLElement, colour: string): string {
  const probe = document.createElement('i');
  probe.style.color = colour;
  place.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
