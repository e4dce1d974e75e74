/** What help and manual page say beside the commands themselves. */

export const EXIT_CODES = [
  ['0', 'done'],
  ['1', 'failed'],
  ['2', 'the arguments or the config are at fault'],
  ['3', 'done, with warnings'],
] as const;

export const ENVIRONMENT = [
  ['ROOST_URL', 'address of the daemon, with ROOST_TOKEN in place of its config'],
  ['ROOST_TOKEN', 'a token of the daemon'],
  ['NO_COLOR', 'set to anything: no colours'],
  ['ROOST_DEBUG', '1: failures with their stack traces'],
  ['TMPDIR', 'where archives that come through a pipe are kept while they are read'],
] as const;

export const FILES = [
  ['/etc/roost/config.yml', 'the config of the service'],
  ['./.roost/', 'what "roost start" makes: config, sample server, backups'],
] as const;

/** Lines to type, by the path of the command. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  '': ['roost status', 'roost backup create survival --name "before the update"', 'roost doctor'],
  setup: ['roost setup --servers /srv/servers'],
  completion: ['roost completion bash > ~/.local/share/bash-completion/completions/roost'],
  'archive create': [
    'roost archive create --base yesterday.tar.gz world today.tar.gz',
    "roost archive create world - | ssh host 'cat > world.tar.gz'",
  ],
  'archive extract': ["roost archive extract --path 'world/**' world.tar.gz restored"],
  'backup create': ['roost backup create survival --name "before the update" --ignore "*.log"'],
  'backup get': ['roost backup get survival latest world/level.dat -o level.dat'],
  'backup download': ['roost backup download survival latest -o survival.tar.gz'],
  'backup restore': [
    'roost backup restore survival latest --dry-run',
    'roost backup restore survival latest --path world --keep-previous 24',
    'roost backup restore survival latest --to /tmp/look',
  ],
  'backup undo': ['roost backup undo survival latest'],
  'retention apply': ['roost retention plan survival', 'roost retention apply survival'],
  adopt: ['roost adopt /var/lib/pelican/backups --dry-run'],
};
