// The floors of docs/architecture.md. A room imports from lower floors only: never up, never sideways.
const ROOM = {
  base: [],
  config: ['base'],
  archive: ['base', 'config'],
  storage: ['base', 'config'],
  servers: ['base', 'config'],
  catalogue: ['base', 'config'],
  policy: ['base', 'config'],
  relay: ['base', 'config'],
  jobs: ['base', 'config', 'archive', 'storage', 'servers', 'catalogue', 'policy'],
  protocols: ['base', 'config', 'jobs', 'catalogue', 'policy', 'relay'],
  http: ['base', 'config', 'jobs', 'protocols', 'catalogue', 'relay'],
  cli: ['base', 'config', 'archive', 'catalogue', 'policy', 'servers', 'storage'],
};

const REASON = {
  base: 'base knows nothing of backups, so everything may rest on it',
  config: 'config is plain data that every room above reads',
  archive: 'an archive is bytes: it must work without a daemon, a catalogue or a store',
  storage: 'a store moves one object in and one object out; it must not know what the bytes mean',
  servers: 'a directory on this disk; the restore verb in jobs joins it with archives',
  catalogue: 'records only; the verbs in jobs decide what they mean',
  relay: 'a relay moves requests; it must not know what the server behind it does',
  policy: 'pure rules over records handed in, so that an oracle can test them',
  jobs: 'verbs know no HTTP, so that every dialect shows the same behaviour',
  protocols: 'a dialect translates words; it touches neither files nor archives',
  http: 'the app mounts dialects; it never reaches past the jobs into stores or archives',
  cli: 'commands work on files (archive) or talk to the daemon by HTTP, never to its insides',
};

// The floors inside a room, lowest first: a folder (or file) of the room imports from the floors before its own only.
const INSIDE = {
  archive: {
    reason:
      'names and threads carry formats, formats carry gzip, and the ways in and out of an archive stand on all of them',
    floors: [
      ['entry', 'threads'],
      ['contract', 'tar', 'ignore', 'select'],
      ['index', 'unpack', 'walk'],
      ['gzip'],
      ['foreign'],
      ['write', 'open'],
      ['read'],
      ['archive', 'operation-thread', 'task-thread'],
    ],
  },
  storage: {
    reason: 'stores know the contract, never each other, so that a new kind of store is one new folder',
    floors: [
      ['key', 'vault-port'],
      ['store', 'identity'],
      ['local', 's3', 'vault'],
      ['guarded', 'presigned'],
    ],
  },
  servers: {
    reason: 'the swap is renames and nothing else: it knows neither stages nor how a server is stopped',
    floors: [
      ['registry', 'writable', 'swap', 'wings-config', 'wings-api'],
      ['quiesce'],
      ['stage', 'power', 'live-state'],
      ['held-out', 'examine'],
    ],
  },
  catalogue: {
    reason: 'records and SQLite know no tables, tables know no catalogue, and salvage alone looks at a broken file',
    floors: [
      ['records', 'sessions', 'failure-text', 'sqlite'],
      ['notice-contract', 'due-contract'],
      ['copy-contract'],
      ['contract', 'manifest', 'inspect', 'state-lock', 'state-reserve'],
      ['tables', 'state-address'],
      ['catalogue'],
      ['salvage'],
    ],
  },
  jobs: {
    reason: 'the runner knows no verb, and a verb no other, but that a restore may adopt its archive first',
    floors: [
      ['event-data', 'node-contract'],
      ['contract'],
      ['compare-contract', 'vault-contract'],
      ['runner'],
      ['stored', 'views'],
      ['look', 'health'],
      ['report', 'notify'],
      ['verify', 'adopt', 'rebuild', 'backup', 'copy', 'delete', 'vault'],
      ['restore'],
      ['overview', 'compare'],
      ['service', 'recover'],
      ['housekeeping'],
    ],
  },
};

// What the other rooms may import of a room. compose/ alone sees inside, since it builds everything.
const DOORS = {
  archive: {
    reason: 'an archive is written, read and listed through archive.ts; its parts change without the other rooms',
    files: [
      'archive',
      'contract',
      'entry',
      'ignore/ignore',
      'ignore/ignore-file',
      'ignore/ignore-text',
      'select/exact-names',
      'select/selection',
      // The thread that compares trees stands in jobs, since it knows the rules of restores.
      'threads/run-thread',
      'threads/operation-threads',
      'threads/serve-operations',
      'threads/serve-tasks',
      'threads/thread',
      'threads/control',
      'read/source-port',
    ],
  },
  storage: {
    reason: 'the verbs move objects by the contract; the kind of store is a matter of the config',
    files: [
      'store',
      'vault-port',
      'key',
      'local/inspect',
      'vault/inspect',
      'presigned/upload',
      'presigned/resend',
      'guarded/download',
    ],
  },
  servers: {
    reason: 'a restore asks for stages, swaps and power by their doors; what they are made of is theirs',
    files: [
      'registry',
      'held-out',
      'lent-archives',
      'writable',
      'examine',
      'wings-config',
      'panel-push',
      'power/port',
      'quiesce/hold',
      'stage/stage',
      'swap/swap',
    ],
  },
  relay: {
    reason: 'a request is passed through one door, where what may be passed is decided',
    files: ['relay'],
  },
  catalogue: {
    reason: 'SQL stays behind the contract',
    files: [
      'contract',
      'due-contract',
      'notice-contract',
      'records',
      'sessions',
      'manifest/manifest',
      'manifest/read',
      'inspect',
      'state-lock',
      'state-address',
      'state-reserve',
      'catalogue',
    ],
  },
  jobs: {
    reason: 'a dialect starts verbs and reads states by the contract, and a panel is one port',
    files: ['contract', 'compare-contract', 'vault-contract', 'report/panel', 'notify/port'],
  },
  protocols: {
    reason: 'the HTTP side mounts dialects by one contract; the parts of each change without it',
    files: ['dialect', 'thrown', 'slots', 'native/native', 'client/client', 'wings/front/front'],
  },
  cli: { reason: 'main.ts starts the command line by its program', files: ['program'] },
};

const at = (room, name) => `^src/${room}/${name}(/|\\.ts$)`;

function insideRules() {
  return Object.entries(INSIDE).flatMap(([room, { reason, floors }]) =>
    floors.flatMap((floor, level) =>
      floor.map((name) => ({
        name: `inside-${room}-${name}`,
        comment: reason,
        severity: 'error',
        from: { path: at(room, name) },
        to: {
          path: `^src/${room}/`,
          pathNot: [name, ...floors.slice(0, level).flat()].map((allowed) => at(room, allowed)),
        },
      })),
    ),
  );
}

function doorRules() {
  return Object.entries(DOORS).map(([room, { reason, files }]) => ({
    name: `door-${room}`,
    comment: reason,
    severity: 'error',
    from: { path: '^src/', pathNot: [`^src/${room}/`, '^src/compose/', '^src/main\\.ts$'] },
    to: { path: `^src/${room}/`, pathNot: files.map((file) => `^src/${room}/${file}\\.ts$`) },
  }));
}

export default {
  forbidden: [
    ...insideRules(),
    ...doorRules(),
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
      from: {
        orphan: true,
        pathNot: ['^src/main\\.ts$', '-thread\\.ts$', '^web/page/(main\\.tsx|vite\\.config\\.ts|.*\\.d\\.ts)$'],
      },
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
      name: 'of-the-verbs-a-restore-knows-adopt-alone',
      comment:
        'Verbs are siblings. A restore needs one other: it adopts the archive of a backup that only the panel knows.',
      severity: 'error',
      from: { path: '^src/jobs/restore/' },
      to: { path: '^src/jobs/(backup|copy|delete|rebuild|verify)/' },
    },
    {
      name: 'one-dialect-does-not-know-another',
      comment:
        'Dialects are neighbours: what two share lives in jobs or base. Files directly in protocols/ are the shared door.',
      severity: 'error',
      from: { path: '^src/protocols/([^/]+)/' },
      to: { path: '^src/protocols/[^/]+/', pathNot: '^src/protocols/$1/' },
    },
    {
      name: 'the-page-takes-types-alone',
      comment: 'The page is a client: it speaks to the daemon by its API, and shares no code with it.',
      severity: 'error',
      from: { path: '^web/page/' },
      to: { path: '^src/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'nothing-takes-the-page',
      comment: 'The daemon serves what was built of it, and knows none of its parts.',
      severity: 'error',
      from: { path: '^src/' },
      to: { path: '^web/' },
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
