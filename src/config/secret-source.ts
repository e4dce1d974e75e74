/**
 * Secrets by reference: `${NAME}` reads the environment, `file:///path` a file (a systemd credential, a mounted
 * secret). Other text is the secret itself.
 */
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { attempt, errnoOf } from '../base/failure.ts';
import { Secret } from './secret.ts';
import { refuse, text } from './values.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** A longer file holds no secret, and a device has no end. */
const MAX_SECRET_BYTES = 64 * 1024;

const VARIABLE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/;

/** Text that may be given by reference. */
export function resolvedText(environment: Environment): z.ZodType<string, string> {
  return text.transform((written, context) => {
    const found = resolve(written, environment);
    return typeof found === 'string' ? found : refuse(context, found.problem, found.hint);
  });
}

/** A secret of at least so many characters. */
export function secret(environment: Environment, minimum = 1): z.ZodType<Secret, string> {
  return resolvedText(environment).transform((value, context) => {
    if (value.length >= minimum) return new Secret(value);
    const hint = 'Make one with: openssl rand -hex 32';
    return refuse(context, `has ${value.length} characters, at least ${minimum} are needed`, hint);
  });
}

interface Unresolved {
  readonly problem: string;
  readonly hint: string;
}

function resolve(written: string, environment: Environment): string | Unresolved {
  const name = VARIABLE.exec(written)?.[1];
  if (name !== undefined) return fromVariable(name, environment);
  if (written.startsWith('file:')) return fromFile(written);
  return written;
}

function fromVariable(name: string, environment: Environment): string | Unresolved {
  const value = environment[name];
  if (value !== undefined && value !== '') return value;
  const problem = `the environment variable ${name} is ${value === undefined ? 'not set' : 'empty'}`;
  return { problem, hint: 'Set it where Roost is started, for example in the systemd unit.' };
}

function fromFile(written: string): string | Unresolved {
  const path = attempt(() => fileURLToPath(written));
  if (path === undefined) return { problem: 'is no file URL', hint: 'Write file:///absolute/path.' };
  try {
    // Editors end files with a line break that is not part of the secret.
    const value = readStart(path).replace(/\r?\n$/, '');
    return value === '' ? { problem: `the file ${path} is empty`, hint: 'Write the secret into it.' } : value;
  } catch (error) {
    const problem = `the file ${path} cannot be read (${errnoOf(error) ?? String(error)})`;
    return { problem, hint: 'Check that it exists and that Roost may read it.' };
  }
}

function readStart(path: string): string {
  const file = fs.openSync(path, 'r');
  try {
    const buffer = Buffer.alloc(MAX_SECRET_BYTES);
    return buffer.toString('utf8', 0, fs.readSync(file, buffer, 0, buffer.length, 0));
  } finally {
    fs.closeSync(file);
  }
}
