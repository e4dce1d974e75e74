/** The same tests over more random trees than the quick run has time for. */
process.env['RESTORE_RUNS'] ??= '150';
await import('./swap.test.ts');
