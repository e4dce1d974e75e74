/** One icon's own file: the package's main file would have the build read all 2,000. */
declare module 'lucide/dist/esm/icons/*.mjs' {
  const icon: import('lucide').IconNode;
  export default icon;
}
