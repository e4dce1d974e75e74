/** Wings' own file, and what a push of the panel makes of it: the address is taken, too. */
import fs from 'node:fs';
import { parse, stringify } from 'yaml';

type Mapping = Record<string, unknown>;

/** Go matches keys without regard to case, and merges what it reads into what it has. */
function merged(into: Mapping, from: Mapping): Mapping {
  const result = { ...into };
  for (const [name, value] of Object.entries(from)) {
    const folded = name.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase();
    const before = result[folded];
    result[folded] = isMapping(value) ? merged(isMapping(before) ? before : {}, value) : value;
  }
  return result;
}

function isMapping(value: unknown): value is Mapping {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export class WingsFile {
  readonly path: string;

  constructor(path: string, content: Mapping) {
    this.path = path;
    this.write(content);
  }

  read(): Mapping {
    return parse(fs.readFileSync(this.path, 'utf8')) as Mapping;
  }

  write(content: Mapping): void {
    fs.writeFileSync(this.path, stringify(content), { mode: 0o600 });
  }

  /** @returns false for what is no JSON object; nothing has changed then. */
  push(body: string, takesToken: boolean): boolean {
    let pushed: unknown;
    try {
      pushed = JSON.parse(body);
    } catch {
      return false;
    }
    if (!isMapping(pushed)) return false;
    const { token, token_id: tokenId, ...rest } = merged({}, pushed);
    const credentials = takesToken
      ? { ...(token === undefined ? {} : { token }), ...(tokenId === undefined ? {} : { token_id: tokenId }) }
      : {};
    this.write(merged(this.read(), { ...rest, ...credentials }));
    return true;
  }
}
