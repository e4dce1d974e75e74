/** What zod found wrong, in words for the person who wrote the file. Never repeats a value that may be a secret. */
import { z } from 'zod';
import type { Fault, KeyPath } from './document.ts';
import { keyText } from './document.ts';
import { nearest } from './nearest.ts';

/** A fault whose place is not known yet. */
export type Finding = Pick<Fault, 'problem' | 'hint'> & { readonly path: KeyPath };

/** Parses with a schema; all findings at once. */
export function check<Schema extends z.ZodType>(
  schema: Schema,
  content: unknown,
): { readonly value?: z.output<Schema>; readonly findings: readonly Finding[] } {
  const knownKeys = new Map<string, readonly string[]>();
  const result = schema.safeParse(content, {
    reportInput: true,
    // Only here zod shows the schema that refused, which knows its keys.
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
  if (issue.input === undefined && issue.code !== 'custom') return [{ path, problem: required(issue) }];
  return [{ path, ...explain(issue) }];
}

function required(issue: z.core.$ZodIssue): string {
  const choices = choicesOf(issue);
  return choices === undefined ? 'is required' : `is required: one of ${choices.join(', ')}`;
}

function explain(issue: z.core.$ZodIssue): Pick<Finding, 'problem' | 'hint'> {
  const choices = choicesOf(issue);
  if (choices !== undefined) return explainChoice(choices, issue.input);
  if (issue.code === 'invalid_type') return explainType(issue.expected, issue.input);
  if (issue.code === 'too_big') return { problem: `must be at most ${issue.maximum}` };
  if (issue.code === 'too_small' && issue.origin === 'string') return { problem: 'must not be empty' };
  if (issue.code === 'too_small' && issue.origin !== 'array') return { problem: `must be at least ${issue.minimum}` };
  if (issue.code === 'custom') return { problem: issue.message, ...hintOf(issue.params) };
  return { problem: issue.message };
}

function choicesOf(issue: z.core.$ZodIssue): string[] | undefined {
  if (issue.code === 'invalid_value') return issue.values.map(String);
  if (issue.code === 'invalid_union' && 'options' in issue) return issue.options?.map(String);
  return undefined;
}

function explainChoice(choices: readonly string[], input: unknown): Pick<Finding, 'problem' | 'hint'> {
  const meant = typeof input === 'string' ? nearest(input, choices) : undefined;
  const problem = `must be one of ${choices.join(', ')}`;
  return meant === undefined ? { problem } : { problem, hint: `Did you mean "${meant}"?` };
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

function explainType(expected: string, input: unknown): Pick<Finding, 'problem' | 'hint'> {
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
