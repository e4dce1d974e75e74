/**
 * How games are told to keep their files still, and what they answer. Pure.
 *
 * Sources: Minecraft Java: net.minecraft.server.commands.SaveAllCommand, SaveOffCommand, SaveOnCommand ("Saved the game" since
 * 1.13, "Saved the world" before). Minecraft Bedrock: bedrock_server_how_to.html of the dedicated server, "Backups".
 */
import { fromText } from '../../base/files/paths.ts';

/** How a server starts, as its panel says. */
export interface GameStartup {
  /** Console texts of which one says that it runs. */
  readonly done: readonly string[];
  /** The command line of its start. */
  readonly invocation: string;
}

/** Files of which a first part alone belongs to the state that is kept still. Paths are byte strings below the root. */
export interface HeldLengths {
  readonly lengths: ReadonlyMap<string, number>;
  /** Directories whose other files are newer. */
  readonly complete: readonly string[];
}

/** What a game has said about keeping still. */
export type Answer =
  | { readonly said: 'still'; readonly held?: HeldLengths }
  /** It cannot be relied on. @param why a printable sentence. */
  | { readonly said: 'unusable'; readonly why: string };

export interface GameRules {
  /** Lines that are typed at first. */
  readonly hold: readonly string[];
  /** A line that is typed again and again until it is answered. */
  readonly ask?: string;
  /** Reads one line of the console after another; undefined while none was the answer. */
  readonly reader: () => (line: string) => Answer | undefined;
  /** Lines after which it writes as usual. */
  readonly release: readonly string[];
}

export const GAMES = ['minecraft_java', 'minecraft_bedrock'] as const;
export type Game = (typeof GAMES)[number];

/** `Done (3.1s)! For help, type "help"` of all servers of Minecraft Java; Bedrock's own text alone is too common. */
export function recognised({ done, invocation }: GameStartup): Game | undefined {
  if (done.some((text) => text.includes(')! For help, type '))) return 'minecraft_java';
  const isBedrock = /(?:^|[\s/])bedrock_server(?:$|\s)/.test(invocation);
  return isBedrock && done.some((text) => text.includes('Server started')) ? 'minecraft_bedrock' : undefined;
}

/** Wings cuts a line of the console here (pterodactyl/wings system/utils.go). */
const LONGEST_LINE = 64 * 1024;
const LONGEST_LIST = 100_000;

const READY = /^(?:\[[^\]]*\]\s*)*Data saved\. Files are now ready to be copied\.?$/;
const LISTED = /(\S.*?):(\d{1,15})(?:, |$)/y;

export const RULES: Readonly<Record<Game, GameRules>> = {
  minecraft_java: {
    hold: ['save-off', 'save-all flush'],
    reader: () => (line) => (isSaved(line) ? { said: 'still' } : undefined),
    release: ['save-on'],
  },
  minecraft_bedrock: { hold: ['save hold'], ask: 'save query', reader: bedrockReader, release: ['save resume'] },
};

/**
 * The game's own line, behind nothing but a time and what its log puts in brackets, with at most one colon at their end: who
 * says the same in the game stands behind a name, which `/say` puts in brackets behind that colon.
 */
const SAVED = /^[\d\s:.,-]*(?:\[[^\]]*\]\s*)*(?::\s*)?Saved the (?:game|world)\.?$/;

export function isSaved(line: string): boolean {
  return SAVED.test(line);
}

/** Lines of the config, which know what the game answers. */
export function linesUntil(hold: readonly string[], release: readonly string[], saved: string): GameRules {
  return { hold, release, reader: () => (line) => (line.includes(saved) ? { said: 'still' } : undefined) };
}

/** The list stands in the line after the one that says that it is ready. */
function bedrockReader(): (line: string) => Answer | undefined {
  let isReady = false;
  return (line) => {
    if (READY.test(line)) isReady = true;
    else if (isReady) {
      if (Buffer.byteLength(line) >= LONGEST_LINE) return { said: 'unusable', why: 'its list of files is cut short' };
      const held = listIn(line);
      if (held !== undefined) return { said: 'still', held };
    }
    return undefined;
  };
}

/** `level/db/000005.ldb:2123, level/level.dat:2209`, below `worlds/`; undefined for any other line. */
function listIn(line: string): HeldLengths | undefined {
  const lengths = new Map<string, number>();
  const complete = new Set<string>();
  LISTED.lastIndex = 0;
  while (LISTED.lastIndex < line.length) {
    const [, path = '', length] = LISTED.exec(line) ?? [];
    if (length === undefined || !isPlain(path) || lengths.size === LONGEST_LIST) return undefined;
    lengths.set(fromText(`worlds/${path}`), Number(length));
    const [, database] = /^(.+\/db)\/[^/]+$/.exec(path) ?? [];
    if (database !== undefined) complete.add(fromText(`worlds/${database}`));
  }
  return complete.size === 0 ? undefined : { lengths, complete: [...complete] };
}

function isPlain(path: string): boolean {
  return path.split('/').every((name) => name !== '' && name !== '.' && name !== '..') && !path.includes('\0');
}

// Colours and the cursor, as terminals and log frameworks put them: ECMA-48 5.4, and the prompt that JLine draws.
// oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
const CONTROLS = /\u001b\[[0-?]*[ -/]*[@-~]|[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** The lines of a text of the console, without colours, and without the prompt before them. */
export function consoleLines(text: string): string[] {
  return text
    .split(/\r?\n|\r/)
    .map((line) => line.replace(CONTROLS, '').replace(/^>+ */, '').trim())
    .filter((line) => line !== '');
}
