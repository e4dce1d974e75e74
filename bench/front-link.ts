/**
 * A link of a bounded rate to a host of its own: a network namespace, and curl in it. Needs root, ip, tc and curl.
 * The addresses are those that RFC 2544 keeps for benchmarks.
 */
import { spawnSync } from 'node:child_process';

const [HERE, THERE] = ['198.18.0.1', '198.18.0.2'];

export class ShapedLink {
  readonly #space = `roost-bench-${process.pid}`;
  /** Names of devices have at most 15 characters. */
  readonly #devices = [`rb${process.pid}a`, `rb${process.pid}b`] as const;

  /** @param rate as tc takes it: `1gbit`. */
  constructor(rate: string) {
    const [near, far] = this.#devices;
    const within = ['netns', 'exec', this.#space] as const;
    const shape = ['root', 'tbf', 'rate', rate, 'burst', '256k', 'latency', '50ms'];
    run('ip', 'netns', 'add', this.#space);
    run('ip', 'link', 'add', near, 'type', 'veth', 'peer', 'name', far);
    run('ip', 'link', 'set', far, 'netns', this.#space);
    run('ip', 'addr', 'add', `${HERE}/30`, 'dev', near);
    run('ip', 'link', 'set', near, 'up');
    run('ip', ...within, 'ip', 'addr', 'add', `${THERE}/30`, 'dev', far);
    run('ip', ...within, 'ip', 'link', 'set', far, 'up');
    run('tc', 'qdisc', 'add', 'dev', near, ...shape);
    run('ip', ...within, 'tc', 'qdisc', 'add', 'dev', far, ...shape);
  }

  /** Bytes a second. */
  down(port: number, bytes: number): number {
    return this.#curl('%{speed_download}', `http://${HERE}:${port}/download/file?bytes=${bytes}`);
  }

  /** Bytes a second. @param file a sparse one will do. */
  up(port: number, file: string): number {
    // Without `Expect`, as panels' pages upload.
    const body = ['--request', 'POST', '--header', 'Expect:', '--upload-file', file];
    return this.#curl('%{speed_upload}', ...body, `http://${HERE}:${port}/upload/file`);
  }

  close(): void {
    spawnSync('ip', ['link', 'del', this.#devices[0]]);
    spawnSync('ip', ['netns', 'del', this.#space]);
  }

  #curl(told: string, ...args: readonly string[]): number {
    const command = ['netns', 'exec', this.#space, 'curl', '--silent', '--fail', '--output', '/dev/null'];
    const { status, stdout, stderr } = spawnSync('ip', [...command, '--write-out', told, ...args], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`curl over the link ended with ${status}: ${stderr}`);
    return Number(stdout);
  }
}

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`"${[program, ...args].join(' ')}" ended with ${status}: ${stderr}`);
}
