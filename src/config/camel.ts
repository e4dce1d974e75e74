/** `read_limit` in the file is `readLimit` in the program: one rule for every section, in the types too. */
type Camel<Name extends string> = Name extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : Name;

export type CamelKeys<Section> = { [Key in keyof Section as Key extends string ? Camel<Key> : Key]: Section[Key] };

export function camelKeys<Section extends object>(section: Section): CamelKeys<Section> {
  const fields = Object.entries(section).map(([name, value]) => [camel(name), value as unknown] as const);
  return Object.fromEntries(fields) as CamelKeys<Section>;
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
