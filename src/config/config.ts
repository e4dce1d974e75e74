/**
 * For: reading the configuration, one YAML file.
 * Promises: a returned configuration is complete (defaults filled in, secrets resolved); all faults are reported at
 * once with their positions, and no fault repeats a secret.
 * Never: writes, or reads anything but the file, the secret files it names and the environment; of the directories that
 * it names, only where they really lie.
 */
import fs from 'node:fs/promises';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { MEBIBYTE } from '../base/sizes.ts';
import { errnoOf, Failure } from '../base/failure.ts';
import { printableText } from '../base/files/paths.ts';
import { checkConsistency } from './consistency.ts';
import { type ConfigDocument, type Fault, keyText, readDocument } from './document.ts';
import { check, type Finding } from './issues.ts';
import { findNesting } from './nesting.ts';
import { notesOn } from './notes.ts';
import { configSchema } from './schema.ts';
import { Secret } from './secret.ts';
import type { Environment } from './secret-source.ts';
import type { Config, PowerConfig } from './types.ts';

export type { Fault } from './document.ts';
export { Secret } from './secret.ts';
export type * from './types.ts';

const MAX_CONFIG_BYTES = 4 * MEBIBYTE;

/**
 * Reads and checks a configuration file.
 *
 * @param env where `${NAME}` values come from.
 * @throws Failure `config_invalid`: the message has one line for each fault
 * (`file:line:column key: problem (hint)`), `facts.faults` the same as `Fault`s.
 */
export async function loadConfig(path: string, env: Environment): Promise<Config> {
  const text = await readText(path);
  const config = parseConfig(path, text, env);
  const mixed = await findNesting(config);
  if (mixed.length > 0) {
    const document = readDocument(path, text);
    throw invalid(
      path,
      mixed.map((finding) => locate(path, document, finding)),
    );
  }
  const open = await openToOthers(path);
  return open === undefined ? config : { ...config, notes: [...config.notes, open] };
}

/**
 * As `loadConfig`, for text in memory.
 *
 * @param file the name shown in faults.
 */
export function parseConfig(file: string, text: string, env: Environment): Config {
  const document = readDocument(file, text);
  if (document.faults.length > 0) throw invalid(file, document.faults);
  const content = document.content ?? {};
  const { value, findings } = check(configSchema(env), content);
  const all = [...findings, ...checkConsistency(content)];
  if (value !== undefined && all.length === 0) return complete(value);
  throw invalid(
    file,
    all.map((finding) => locate(file, document, finding)),
  );
}

function locate(file: string, document: ConfigDocument, { path, problem, hint }: Finding): Fault {
  const { line, column } = document.placeOf(path);
  const fault = { file, line, column, key: keyText(path), problem };
  return hint === undefined ? fault : { ...fault, hint };
}

/** The thread that passes a node's requests on has the CPU before the threads of backups. */
const NICE_BEHIND_FRONT = 10;

function complete(value: z.output<ReturnType<typeof configSchema>>): Config {
  const { url, tokenId, token, ...panel } = value.panel;
  const connected = panel.flavour !== 'none' && url !== null && tokenId !== null && token !== null;
  const given = { url, tokenId, token };
  const connection = connected ? { url, tokenId, token } : null;
  const backups = { ...value.backups, nice: value.backups.nice ?? (value.front === null ? 0 : NICE_BEHIND_FRONT) };
  const config = { ...value, backups, power: powerOf(value), panel: { ...panel, given, connection } };
  return { ...config, notes: notesOn(config) };
}

/** With a front, the power driver uses the front's address of Wings, and the token in Wings' own configuration. */
function powerOf({ power, front }: z.output<ReturnType<typeof configSchema>>): PowerConfig {
  if (power.driver !== 'wings') return power;
  const [url, token] = [power.url ?? front?.wings ?? '', power.token ?? new Secret('')];
  return { ...power, url, token, quiesce: power.quiesce ?? (front === null ? 'off' : 'auto') };
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await fs.stat(path);
    if (size > MAX_CONFIG_BYTES) throw unreadable(path, `it has ${size} bytes`);
    return await fs.readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Failure) throw error;
    const errno = errnoOf(error);
    throw unreadable(path, UNREADABLE[errno ?? ''] ?? errno ?? String(error), error);
  }
}

const UNREADABLE: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'this user may not read it',
  EISDIR: 'it is a directory',
};

function unreadable(path: string, state: string, cause?: unknown): Failure {
  return new Failure('config_invalid', `Cannot read the configuration ${resolve(path)}: ${state}`, {
    cause,
    facts: { file: path, faults: [] },
    hint: 'Name it with --config. config.example.yml shows every key.',
  });
}

async function openToOthers(path: string): Promise<string | undefined> {
  const { mode } = await fs.stat(path);
  return (mode & 0o077) === 0
    ? undefined
    : `Others than its owner may read or change ${path}: chmod 600 keeps its secrets.`;
}

function invalid(file: string, faults: readonly Fault[]): Failure {
  const sorted = [...faults].sort((left, right) => left.line - right.line || left.column - right.column);
  const count = sorted.length === 1 ? 'one fault' : `${sorted.length} faults`;
  const lines = [`Cannot use the configuration ${file}: it has ${count}`, ...sorted.map(lineOf)];
  return new Failure('config_invalid', lines.map(printableText).join('\n'), {
    facts: { file, faults: sorted },
    hint: 'config.example.yml shows every key.',
  });
}

function lineOf({ file, line, column, key, problem, hint }: Fault): string {
  return `${file}:${line}:${column} ${key === '' ? 'the file' : key}: ${problem}${hint === undefined ? '' : ` (${hint})`}`;
}
