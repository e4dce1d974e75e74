/** Short names for the API's types. */
import type { components } from './schema.d.ts';

type Schemas = components['schemas'];
export type Server = Schemas['ServerWithOverview'];
export type Job = Schemas['Job'];
export type Backup = Schemas['Backup'];
export type System = Schemas['SystemWithUsage'];
export type Attempt = Schemas['Attempt'];
export type ShownBackup = Schemas['ShownBackup'];
export type Session = Schemas['Session'];
export type Finding = Schemas['Doctor']['findings'][number];
