import {
  Cpu,
  HardDrive,
  ListOrdered,
  Server as ServerIcon,
  Check,
  CloudOff,
  TriangleAlert,
  X,
} from '../../parts/icons.ts';
import { now } from '../../live/now.ts';
import type { System } from '../../api/shapes.ts';
import { activeJobs, jobOf, serverOf, servers, system } from '../../live/state.ts';
import { Icon } from '../../parts/icon.tsx';
import { stateOf } from '../../parts/state.tsx';
import { bytes, coarse, count, counted } from '../../words/format.ts';
import { words } from '../../words/words.ts';

type Store = NonNullable<System['usage']>['stores'][number];

export function Tiles() {
  const node = system.value;
  return (
    <section class={node === undefined ? 'tiles few' : 'tiles'} aria-label="Node">
      {node !== undefined && <Storage stores={node.usage?.stores ?? []} />}
      <ServersTile />
      <Queue />
      {node !== undefined && (
        <div class="card tile">
          <span class="k">
            <Icon of={Cpu} small />
            Engine
          </span>
          <span class="v">{{ isal: 'ISA-L', zlib: 'zlib' }[node.engine]}</span>
          <span class="small muted">
            Roost {node.version} · up {coarse(node.uptimeSeconds * 1000)}
          </span>
        </div>
      )}
    </section>
  );
}

function Storage({ stores }: { readonly stores: readonly Store[] }) {
  const main = stores.find((store) => store.default) ?? stores[0];
  if (main === undefined) return null;
  const { freeBytes, totalBytes, reserveBytes, growthPerDay, fullAt } = main;
  const low = freeBytes !== null && freeBytes < reserveBytes;
  const away = stores.filter(({ error }) => error !== null);
  return (
    <div class="card tile">
      <span class="k">
        <Icon of={HardDrive} small />
        Storage
      </span>
      <span class="v">
        {freeBytes === null ? bytes(main.usedBytes) : bytes(freeBytes)}{' '}
        <small>
          {freeBytes === null ? 'used' : 'free'}
          {totalBytes === null ? '' : ` of ${bytes(totalBytes)}`} in {main.name}
        </small>{' '}
        {low && <span class="pill bad">below its reserve</span>}
      </span>
      {totalBytes !== null && freeBytes !== null && <Meter name={main.name} store={{ totalBytes, freeBytes }} />}
      <span class="spread small muted">
        <span>
          {growthPerDay === null
            ? `${bytes(main.usedBytes)} in ${counted(main.backups, 'backup')}`
            : words.grows(growthPerDay)}
          {fullAt === null ? '' : `, ${words.full(fullAt, now.value)}`}
        </span>
        {away.length > 0 && (
          <span class="st warn">
            <Icon of={CloudOff} small />
            {away.map(({ name }) => name).join(', ')} away
          </span>
        )}
      </span>
    </div>
  );
}

function Meter({ name, store }: { readonly name: string; readonly store: { totalBytes: number; freeBytes: number } }) {
  const share = 1 - store.freeBytes / Math.max(1, store.totalBytes);
  return (
    <div class="bar" role="img" aria-label={`${name}: ${Math.round(share * 100)} % full`}>
      <i style={{ width: `${share * 100}%` }} />
    </div>
  );
}

function ServersTile() {
  const ids = servers.value ?? [];
  const tones = ids.map((id) => {
    const server = serverOf(id);
    return server === undefined ? 'none' : stateOf(server, undefined).tone;
  });
  const of = (tone: string): number => tones.filter((each) => each === tone).length;
  return (
    <div class="card tile">
      <span class="k">
        <Icon of={ServerIcon} small />
        Servers
      </span>
      <span class="v">{count(ids.length)}</span>
      <span class="row small">
        <span class="st ok" title="protected">
          <Icon of={Check} small />
          {of('ok')}
          <span class="hidden">protected</span>
        </span>
        <span class="st warn" title="need a look">
          <Icon of={TriangleAlert} small />
          {of('warn')}
          <span class="hidden">need a look</span>
        </span>
        <span class="st bad" title="failing">
          <Icon of={X} small />
          {of('bad')}
          <span class="hidden">failing</span>
        </span>
      </span>
    </div>
  );
}

function Queue() {
  const jobs = activeJobs.value.flatMap((id) => jobOf(id) ?? []);
  const running = jobs.filter(({ state }) => state === 'running').length;
  const waiting = jobs.filter(({ state }) => state === 'queued');
  const next = waiting[0] === undefined ? undefined : serverOf(waiting[0].server)?.name;
  return (
    <div class="card tile">
      <span class="k">
        <Icon of={ListOrdered} small />
        Queue
      </span>
      <span class="v">
        {count(running)} <small>running</small>
      </span>
      <span class="small muted">
        {count(waiting.length)} waiting{next === undefined ? '' : ' · next: '}
        {next !== undefined && <bdi>{next}</bdi>}
      </span>
    </div>
  );
}
