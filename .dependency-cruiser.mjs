// The floors of docs/architecture.md. A room imports from lower floors only: never up, never sideways.
const ROOM = {
  base: [],
  config: ['base'],
  archive: ['base', 'config'],
  storage: ['base', 'config'],
  servers: ['base', 'config'],
  catalogue: ['base', 'config'],
  policy: ['base', 'config'],
  jobs: ['base', 'config', 'archive', 'storage', 'servers', 'catalogue', 'policy'],
  protocols: ['base', 'config', 'jobs', 'catalogue', 'policy'],
  http: ['base', 'config', 'jobs', 'protocols', 'catalogue'],
  cli: ['base', 'config', 'archive', 'catalogue', 'policy', 'servers', 'storage'],
};

const REASON = {
  base: 'base knows nothing of backups, so everything may rest on it',
  config: 'config is plain data that every room above reads',
  archive: 'an archive is bytes: it must work without a daemon, a catalogue or a store',
  storage: 'a store moves one object in and one object out; it must not know what the bytes mean',
  servers: 'a directory on this disk; the restore verb in jobs joins it with archives',
  catalogue: 'records only; the verbs in jobs decide what they mean',
  policy: 'pure rules over records handed in, so that an oracle can test them',
  jobs: 'verbs know no HTTP, so that every dialect shows the same behaviour',
  protocols: 'a dialect translates words; it touches neither files nor archives',
  http: 'the app mounts dialects; it never reaches past the jobs into stores or archives',
  cli: 'commands work on files (archive) or talk to the daemon by HTTP, never to its insides',
};

export default {
  forbidden: [
    {
      name: 'no-cycles',
      comment: 'A cycle means that two files are one; merge them or cut the knot.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      comment: 'A file that nothing imports is dead, except entry points.',
      severity: 'error',
      from: { orphan: true, pathNot: ['^src/main\\.ts$', '-thread\\.ts$'] },
      to: {},
    },
    ...Object.entries(ROOM).map(([room, below]) => ({
      name: `floor-${room}`,
      comment: REASON[room],
      severity: 'error',
      from: { path: `^src/${room}/` },
      to: { path: '^src/', pathNot: [room, ...below].map((name) => `^src/${name}/`) },
    })),
    {
      name: 'one-dialect-does-not-know-another',
      comment:
        'Dialects are neighbours: what two share lives in jobs or base. Files directly in protocols/ are the shared door.',
      severity: 'error',
      from: { path: '^src/protocols/([^/]+)/' },
      to: { path: '^src/protocols/[^/]+/', pathNot: '^src/protocols/$1/' },
    },
    {
      name: 'no-backtracking-on-ignore-lists',
      comment: 'micromatch is for the operator’s own globs; lists that server owners write go through archive/ignore.',
      severity: 'error',
      from: { path: '^src/archive/ignore' },
      to: { path: 'micromatch' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default'],
    },
  },
};
