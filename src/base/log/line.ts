/** Content of a log line: facts made safe to show, and the text forms of a JSON line. */
import { Failure, reasonOf } from '../failure.ts';
import { printableText } from '../files/paths.ts';
import { isSecretName, redact } from './redact.ts';

const MAX_DEPTH = 6;
const MAX_ITEMS = 50;
const MAX_TEXT = 8192;

/** A JSON-safe copy of the facts without secrets, bounded in depth and length. */
export function safeFacts(facts: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return safeObject(Object.entries(facts), 0);
}

function safeObject(fields: [string, unknown][], depth: number): Record<string, unknown> {
  const copied = fields.slice(0, MAX_ITEMS).map(([name, value]) => [name, safeField(name, value, depth)] as const);
  return Object.fromEntries(copied);
}

function safeField(name: string, value: unknown, depth: number): unknown {
  return isSecretName(name) && value !== null && value !== undefined ? '[redacted]' : safeValue(value, depth + 1);
}

function safeValue(value: unknown, depth: number): unknown {
  if (typeof value === 'string') return safeText(value);
  if (typeof value === 'bigint' || typeof value === 'symbol') return String(value);
  if (typeof value === 'function') return undefined;
  if (typeof value !== 'object' || value === null) return value;
  if (depth > MAX_DEPTH) return '…';
  if (value instanceof Error) return safeError(value, depth);
  if (value instanceof URL) return safeText(value.href);
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => safeValue(item, depth + 1));
  if ('toJSON' in value && typeof value.toJSON === 'function') return safeValue(value.toJSON() as unknown, depth + 1);
  const entries =
    value instanceof Map ? [...value].map(([key, item]) => [String(key), item] as [string, unknown]) : null;
  return safeObject(entries ?? Object.entries(value), depth);
}

function safeText(text: string): string {
  return redact(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text);
}

/** An error with its causes. Only unexpected errors carry a stack: a Failure says in its sentence where it arose. */
function safeError(error: Error, depth: number): Record<string, unknown> {
  const foreseen = error instanceof Failure && error.code !== 'internal';
  const code = (error as NodeJS.ErrnoException).code;
  return {
    ...(code === undefined ? { name: error.name } : { code }),
    message: safeText(reasonOf(error)),
    ...(error instanceof Failure && error.hint !== undefined ? { hint: safeText(error.hint) } : {}),
    ...(error instanceof Failure && Object.keys(error.facts).length > 0
      ? { facts: safeObject(Object.entries(error.facts), depth) }
      : {}),
    ...(foreseen || error.stack === undefined ? {} : { stack: safeText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: safeValue(error.cause, depth + 1) }),
  };
}

/** `2026-01-31T12:00:00.000Z INFO  message name=value`, of a JSON line. */
export function formatLine(line: string): string {
  const { level, time, msg, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const shown = Object.entries(facts).map(([name, value]) => ` ${name}=${formatFact(value)}`);
  const head = `${textOf(time)} ${textOf(level).toUpperCase().padEnd(5)} ${textOf(msg)}`;
  return `${printableText(head + shown.join(''))}\n`;
}

/** Levels as syslog(3) and sd-daemon(3) number them; what is below a warning is no matter for an operator at night. */
const PRIORITIES: Readonly<Record<string, number>> = { trace: 7, debug: 7, info: 6, warn: 4, error: 3, fatal: 2 };

/**
 * `<4>message: the failure's sentence [code] name=value hint="…"`, of a JSON line: the journal takes the priority off
 * and has the time itself. Always one line of the journal, which splits at each newline.
 */
export function formatJournalLine(line: string): string {
  const { level, time: _, msg, error, ...facts } = JSON.parse(line) as Record<string, unknown>;
  const { sentence, more } = journalError(error);
  const shown = Object.entries({ ...facts, ...more }).map(([name, value]) => ` ${name}=${formatFact(value)}`);
  const priority = PRIORITIES[textOf(level)] ?? PRIORITIES['info'];
  return `<${priority}>${printableText(textOf(msg) + sentence + shown.join(''))}\n`;
}

/**
 * An error for an operator: its sentence and code, then its causes' sentences. An error without a
 * code is a bug, so its stack is shown.
 */
function journalError(error: unknown): { readonly sentence: string; readonly more: Record<string, unknown> } {
  if (error === undefined) return { sentence: '', more: {} };
  if (typeof error !== 'object' || error === null || !('message' in error)) return { sentence: '', more: { error } };
  const { code, name, message, hint, facts, stack, cause } = error as Record<string, unknown>;
  const sentence = `: ${textOf(message)} [${textOf(code ?? name)}]`;
  const inner = journalError(cause);
  const hidden = code === undefined ? { stack } : {};
  const more = Object.entries({ hint, facts, ...hidden, ...inner.more }).filter(([, value]) => value !== undefined);
  return { sentence: sentence + inner.sentence, more: Object.fromEntries(more) };
}

function formatFact(value: unknown): string {
  if (typeof value === 'string' && /^[\w./:@+-]+$/.test(value)) return value;
  return JSON.stringify(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
