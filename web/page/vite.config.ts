/**
 * The page in a browser: `npm run build` puts it into dist/web. All addresses are relative, so that it works below any
 * path of a proxy.
 */
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  base: './',
  // Inline sources are what the page's policy refuses.
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: 'es2023', emptyOutDir: true },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
});
