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
  ['TMPDIR', 'where archives that come through a pipe are kept meanwhile'],
] as const;

export const FILES = [
  ['/etc/roost/config.yml', 'the config of the service'],
  ['./.roost/', 'what "roost start" makes: config, sample server, backups'],
] as const;

/** Lines to type, by the path of the command. */
export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  '': ['roost status', 'roost backup create survival --name "before the update"', 'roost doctor'],
  start: ['roost start --port 8091'],
  serve: ['roost serve --config /etc/roost/config.yml'],
  configure: ['roost configure --panel-url https://panel.test --token-file key --node 3'],
  setup: ['roost setup --servers /srv/servers'],
  front: ['roost front --dry-run', 'sudo roost front', 'sudo roost front --undo'],
  'config check': ['roost config check --config /etc/roost/config.yml'],
  web: ['roost web --server survival --minutes 60'],
  status: ['roost status --json'],
  servers: ['roost servers --json'],
  report: ['roost report --json'],
  'schedule list': ['roost schedule list'],
  jobs: ['roost jobs --server survival --state failed'],
  doctor: ['roost doctor'],
  'panel reports': ['roost panel reports'],
  'panel retry': ['roost panel retry 7'],
  'panel drop': ['roost panel drop 7'],
  'vault status': ['roost vault status'],
  'vault collect': ['roost vault collect --dry-run'],
  'vault verify': ['roost vault verify --server survival'],
  'vault adopt': ['roost vault adopt --dry-run'],
  'vault recipe': ['roost vault recipe survival latest'],
  'notify list': ['roost notify list'],
  'notify test': ['roost notify test'],
  'catalogue rebuild': ['systemctl stop roost && roost catalogue rebuild'],
  manual: ['roost manual roost.1 | man -l -'],
  completion: ['roost completion bash > ~/.local/share/bash-completion/completions/roost'],
  'archive create': [
    'roost archive create --base yesterday.tar.gz world today.tar.gz',
    "roost archive create world - | ssh host 'cat > world.tar.gz'",
  ],
  'archive list': ['roost archive list --path world world.tar.gz'],
  'archive verify': ['roost archive verify world.tar.gz'],
  'archive extract': ["roost archive extract --path 'world/**' world.tar.gz restored"],
  'backup create': ['roost backup create survival --name "before the update" --ignore "*.log"'],
  'backup list': ['roost backup list survival'],
  'backup show': ['roost backup show survival latest'],
  'backup files': ['roost backup files survival latest --path world'],
  'backup compare': ['roost backup compare survival latest', 'roost backup compare survival 7d9d99be 1f0c22aa'],
  'backup find': ['roost backup find survival "*.dat" --backup latest'],
  'backup history': ['roost backup history survival --days 7'],
  'backup verify': ['roost backup verify survival latest'],
  'backup estimate': ['roost backup estimate survival --ignore "*.log"'],
  'backup delete': ['roost backup delete survival 7d9d99be'],
  'backup lock': ['roost backup lock survival latest'],
  'backup unlock': ['roost backup unlock survival latest'],
  'backup accept': ['roost backup accept survival latest'],
  'backup cancel': ['roost backup cancel survival 7d9d99be'],
  'backup get': ['roost backup get survival latest world/level.dat -o level.dat'],
  'backup download': ['roost backup download survival latest -o survival.tar.gz'],
  'backup restore': [
    'roost backup restore survival latest --dry-run',
    'roost backup restore survival latest --path world --keep-previous 24',
    'roost backup restore survival latest --to /tmp/look',
  ],
  'backup undo': ['roost backup undo survival latest'],
  'retention plan': ['roost retention plan survival'],
  'retention apply': ['roost retention plan survival', 'roost retention apply survival'],
  adopt: ['roost adopt /var/lib/pelican/backups --dry-run'],
};
