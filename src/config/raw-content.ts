/** Values of a file that has not been checked: it may have any shape. */
import type { KeyPath } from './document.ts';

export function at(content: unknown, path: KeyPath): unknown {
  let value = content;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Readonly<Record<string | number, unknown>>)[key];
  }
  return value;
}

export function textAt(content: unknown, path: KeyPath): string | undefined {
  const value = at(content, path);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function listAt(content: unknown, path: KeyPath): readonly unknown[] {
  const value = at(content, path);
  return Array.isArray(value) ? value : [];
}

export function mappingAt(content: unknown, path: KeyPath): Readonly<Record<string, unknown>> {
  const value = at(content, path);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}
