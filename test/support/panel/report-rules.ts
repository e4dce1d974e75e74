/** The validation of what a daemon reports: Laravel's rules in two panels, serde's in the third. */
import type { PanelFlavour } from './flavours.ts';

/** What is wrong with a field; Laravel's message, or serde's. */
export interface Fault {
  readonly field: string;
  readonly rule: string;
  readonly detail: string;
}

type Body = Readonly<Record<string, unknown>>;

export function backupReportFaults(body: Body, flavour: PanelFlavour): Fault[] {
  return flavour === 'calagopus' ? serdeFaults(body, BACKUP_FIELDS) : laravelBackupFaults(nullsForEmpty(body));
}

export function restoreReportFaults(body: Body, flavour: PanelFlavour): Fault[] {
  if (flavour === 'calagopus') return serdeFaults(body, { successful: isBoolean });
  return required(body, 'successful') ?? booleanFault(body['successful'], 'successful');
}

/** The middleware ConvertEmptyStringsToNull runs before any rule. */
function nullsForEmpty(body: Body): Body {
  return Object.fromEntries(Object.entries(body).map(([name, value]) => [name, value === '' ? null : value]));
}

function laravelBackupFaults(body: Body): Fault[] {
  const missing = required(body, 'successful');
  if (missing !== undefined) return missing;
  const faults = booleanFault(body['successful'], 'successful');
  const succeeded = [true, 1, '1'].includes(body['successful'] as never);
  for (const field of ['checksum', 'checksum_type', 'size']) {
    if (succeeded) faults.push(...(required(body, field) ?? []));
  }
  for (const field of ['checksum', 'checksum_type']) {
    const value = body[field] ?? null;
    if (value !== null && typeof value !== 'string') faults.push(fault(field, 'string', `must be a string.`));
  }
  const size = body['size'] ?? null;
  if (size !== null && !isNumeric(size)) faults.push(fault('size', 'numeric', 'must be a number.'));
  return [...faults, ...partFaults(body['parts'] ?? null)];
}

function partFaults(parts: unknown): Fault[] {
  if (parts === null) return [];
  if (!Array.isArray(parts)) return [fault('parts', 'array', 'must be an array.')];
  return parts.flatMap((part: unknown, index) => {
    const { etag, part_number: number } = (part ?? {}) as Body;
    const faults: Fault[] = [];
    if (typeof etag !== 'string' || etag === '') faults.push(fault(`parts.${index}.etag`, 'required', 'is required.'));
    if (!isNumeric(number)) faults.push(fault(`parts.${index}.part_number`, 'numeric', 'must be a number.'));
    return faults;
  });
}

function required(body: Body, field: string): Fault[] | undefined {
  const value = body[field] ?? null;
  return value === null || value === '' ? [fault(field, 'required', 'field is required.')] : undefined;
}

function booleanFault(value: unknown, field: string): Fault[] {
  return [true, false, 0, 1, '0', '1'].includes(value as never)
    ? []
    : [fault(field, 'boolean', 'field must be true or false.')];
}

function fault(field: string, rule: string, words: string): Fault {
  return { field, rule, detail: `The ${field.replaceAll('_', ' ')} ${words}` };
}

function isNumeric(value: unknown): boolean {
  return (
    typeof value === 'number' || (typeof value === 'string' && value.trim() !== '' && !Number.isNaN(Number(value)))
  );
}

const isBoolean = (value: unknown): boolean => typeof value === 'boolean';
const isString = (value: unknown): boolean => typeof value === 'string';
const isCount = (value: unknown): boolean => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
const isParts = (value: unknown): boolean =>
  Array.isArray(value) &&
  value.every((part: unknown) => isString((part as Body)['etag']) && isCount((part as Body)['part_number']));

/** No field has a default: what is missing, or null, is refused. */
const BACKUP_FIELDS = {
  checksum: isString,
  checksum_type: isString,
  size: isCount,
  files: isCount,
  successful: isBoolean,
  browsable: isBoolean,
  streaming: isBoolean,
  parts: isParts,
};

function serdeFaults(body: Body, fields: Readonly<Record<string, (value: unknown) => boolean>>): Fault[] {
  return Object.entries(fields).flatMap(([field, holds]) => {
    if (!(field in body)) return [{ field, rule: 'required', detail: `missing field \`${field}\`` }];
    return holds(body[field]) ? [] : [{ field, rule: 'type', detail: `${field}: invalid type` }];
  });
}
