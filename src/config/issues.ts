/** Turns zod issues into messages for the author of the file. Never repeats a value: it may be a secret. */
import { z } from 'zod';
import { type Fault, type KeyPath, keyText } from './document.ts';
import { nearest } from './nearest.ts';

/** A fault without its position. */
export type Finding = Pick<Fault, 'problem' | 'hint'> & { readonly path: KeyPath };

/** Parses with a schema; all findings at once. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  content: unknown,
): { readonly value?: z.output<Schema>; readonly findings: readonly Finding[] } {
  const knownKeys = new Map<string, readonly string[]>();
  const result = schema.safeParse(content, {
    reportInput: true,
    // Only here does zod expose the refusing schema and its keys.
    error: (issue) => {
      if (issue.inst instanceof z.ZodObject) knownKeys.set(keyText(keyPath(issue.path)), Object.keys(issue.inst.shape));
      return undefined;
    },
  });
  if (result.success) return { value: result.data, findings: [] };
  return { findings: result.error.issues.flatMap((issue) => describe(issue, knownKeys)) };
}

function describe(issue: z.core.$ZodIssue, knownKeys: ReadonlyMap<string, readonly string[]>): Finding[] {
  const path = keyPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys.get(keyText(path)) ?? [];
    return issue.keys.map((key) => ({
      path: [...path, key],
      problem: 'is no known key',
      hint: suggestKey(key, known),
    }));
  }
  if (issue.code === 'invalid_union' && 'options' in issue && issue.discriminator !== undefined) {
    return [{ path, ...explainDiscriminator(issue.discriminator, issue.options ?? [], issue.input) }];
  }
  if (issue.input === undefined && issue.code !== 'custom') return [{ path, problem: 'is required' }];
  return [{ path, ...explain(issue) }];
}

type Words = Pick<Finding, 'problem' | 'hint'>;

function explain(issue: z.core.$ZodIssue): Words {
  if (issue.code === 'invalid_value') return explainChoice(issue.values.map(String), issue.input);
  if (issue.code === 'invalid_type') return explainType(issue.expected, issue.input);
  if (issue.code === 'too_big') return { problem: `must be at most ${issue.maximum}` };
  if (issue.code === 'too_small' && issue.origin === 'string') return { problem: 'must not be empty' };
  if (issue.code === 'too_small' && issue.origin !== 'array') return { problem: `must be at least ${issue.minimum}` };
  if (issue.code === 'custom') return { problem: issue.message, ...hintOf(issue.params) };
  return { problem: issue.message };
}

function explainChoice(choices: readonly string[], input: unknown): Words {
  const meant = typeof input === 'string' ? nearest(input, choices) : undefined;
  const problem = `must be one of ${choices.join(', ')}`;
  return meant === undefined ? { problem } : { problem, hint: `Did you mean "${meant}"?` };
}

/** A discriminator key; without it the other keys cannot be checked. */
function explainDiscriminator(key: string, options: readonly unknown[], input: unknown): Words {
  const choices = options.map(String);
  const written = typeof input === 'object' && input !== null ? (input as Readonly<Record<string, unknown>>) : {};
  if (written[key] !== undefined) return explainChoice(choices, written[key]);
  const problem = `is required: one of ${choices.join(', ')}`;
  const mistyped = Object.keys(written).find((name) => nearest(name, [key]) !== undefined);
  return mistyped === undefined ? { problem } : { problem, hint: `Did you mean it by "${mistyped}"?` };
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a section of keys',
  record: 'a section of keys',
};

function explainType(expected: string, input: unknown): Words {
  const problem = `must be ${WORDS[expected] ?? expected}, not ${wordFor(input)}`;
  if (expected === 'string' && (typeof input === 'number' || typeof input === 'boolean')) {
    return { problem, hint: 'Put it in quotes.' };
  }
  const numeric = (expected === 'number' || expected === 'int') && typeof input === 'string' && /^\d+$/.test(input);
  return numeric ? { problem, hint: 'Leave out the quotes.' } : { problem };
}

function wordFor(input: unknown): string {
  if (Array.isArray(input)) return 'a list';
  if (input === null) return 'nothing';
  return (
    { object: 'a section of keys', string: 'text', number: 'a number', boolean: 'true or false' }[
      typeof input as string
    ] ?? 'that'
  );
}

function hintOf(params: unknown): { readonly hint?: string } {
  if (typeof params !== 'object' || params === null || !('hint' in params)) return {};
  return typeof params.hint === 'string' ? { hint: params.hint } : {};
}

function suggestKey(key: string, known: readonly string[]): string {
  const meant = nearest(key, known);
  return meant === undefined ? `Known here: ${known.join(', ')}.` : `Did you mean "${meant}"?`;
}

function keyPath(path: readonly PropertyKey[] | undefined): KeyPath {
  return (path ?? []).map((key) => (typeof key === 'number' ? key : String(key)));
}
