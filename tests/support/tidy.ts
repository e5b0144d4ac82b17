// The house rules as pure functions over (path, text); each returns what it objects to, as "path:line: what".
// tests/tidy.test.ts runs them over the repo and over snippets that break them. They read the syntax tree, so a word in
// a comment or a string, a property called `process` or a variable of one's own is not mistaken for the forbidden thing.
import { parseSync } from 'oxc-parser';
import { posix } from 'node:path';

/** A node of the ESTree; typed loosely, since the rules look at few of its hundred kinds. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly [field: string]: unknown;
}
type Visit = (node: Node, parent: Node | null, field: string) => void;

const isNode = (x: unknown): x is Node =>
  typeof x === 'object' && x !== null && typeof (x as Node).type === 'string';

export function walk(node: Node, visit: Visit, parent: Node | null = null, field = ''): void {
  visit(node, parent, field);
  for (const [name, value] of Object.entries(node)) {
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) walk(item, visit, node, name);
    } else if (isNode(value)) walk(value, visit, node, name);
  }
}

export function parse(path: string, text: string): Node {
  const { program, errors } = parseSync(path, text);
  if (errors[0] !== undefined) throw new Error(`${path}: ${errors[0].message}`);
  return program as unknown as Node;
}

/** Collects objections with their line numbers. */
function objections(
  path: string,
  text: string,
): { list: string[]; add: (at: number, what: string) => void } {
  const list: string[] = [];
  return {
    list,
    add: (at, what) => list.push(`${path}:${text.slice(0, at).split('\n').length}: ${what}`),
  };
}

// ── rooms and arrows ──────────────────────────────────────────────────────────────────────────────────────────────────

const ROOMS = [
  'base',
  'engine',
  'tcp',
  'kernel',
  'app',
  'sim/net',
  'sim/scenario',
  'sim/run',
  'packetdrill',
  'testing',
  'study',
  'report',
  'cli',
] as const;
/** Files directly in src/ are the room `index`: the public face. */
type Room = (typeof ROOMS)[number] | 'index';

/** The room of a source file; null outside src/, '?' for a folder of src/ that is no room. */
export function roomOf(path: string): Room | '?' | null {
  if (!path.startsWith('src/')) return null;
  const inside = path.slice('src/'.length);
  if (!inside.includes('/')) return 'index';
  return ROOMS.find((room) => inside.startsWith(`${room}/`)) ?? '?';
}

/** These may wait, open files, use Node. Everything else runs unchanged in a browser worker. */
const NOT_PURE: readonly string[] = ['cli', 'study', 'report', 'testing'];
const isPure = (path: string): boolean => {
  const room = roomOf(path);
  return room !== null && !NOT_PURE.includes(room);
};

const OPTIONS = String.raw`(?:[\w-]+/)*(?:[\w-]+-)?options\.ts`;
const ANY = null;

/**
 * Who may import what (docs/decisions, DESIGN): a regular expression over paths below src/. Each room may import itself.
 * `packages` are npm packages; ANY: whatever package.json declares, and node:.
 */
const ARROWS: {
  readonly [R in Room]: { to: RegExp | typeof ANY; packages: readonly string[] | typeof ANY };
} = {
  base: { to: /^$/, packages: ['seedrandom'] },
  engine: { to: /^base\//, packages: [] },
  tcp: { to: /^base\//, packages: [] },
  kernel: { to: /^(base|tcp|engine)\//, packages: [] },
  app: { to: /^(base\/|kernel\/syscall\.ts$)/, packages: [] },
  'sim/net': { to: /^(base|engine)\//, packages: [] },
  'sim/scenario': {
    to: new RegExp(
      `^(base/|tcp/${OPTIONS}$|kernel/(costs|profiles?|${OPTIONS})(\\.ts)?$|app/${OPTIONS}$|sim/net/${OPTIONS}$)`,
    ),
    packages: ['zod', 'yaml'],
  },
  'sim/run': {
    to: /^(base|engine|tcp|kernel|app|sim\/net|sim\/scenario)\//,
    packages: ['hdr-histogram-js'],
  },
  packetdrill: { to: /^(base|kernel|engine)\//, packages: [] },
  testing: {
    to: /^(base\/|sim\/run\/|sim\/scenario\/|app\/user\.ts$)/,
    packages: ['fast-check', 'yaml'],
  },
  study: { to: /^(base\/|sim\/run\/|sim\/scenario\/|report\/(numbers|style)\.ts$)/, packages: ANY },
  report: { to: /^(base\/|sim\/run\/result\.ts$)/, packages: ANY },
  // Whoever imports hostwire need not have fast-check.
  index: { to: /^(?!cli\/|testing\/)/, packages: [] },
  cli: { to: /^(?!testing\/)/, packages: ANY },
};

interface Import {
  readonly at: number;
  /** What the source says. */
  readonly specifier: string;
  /** The file it means, from the root of the repo; null for a package. */
  readonly file: string | null;
}

export function importsOf(path: string, text: string): Import[] {
  const found: Import[] = [];
  walk(parse(path, text), (node) => {
    const isSource = /^(Import|Export(All|Named))/.test(node.type);
    const source = isSource
      ? node['source']
      : node.type === 'TSImportType'
        ? (node['source'] ?? node['argument'])
        : null;
    if (!isNode(source)) return;
    const literal = isNode(source['literal']) ? source['literal'] : source;
    const specifier = String(literal['value'] ?? '');
    const file = specifier.startsWith('.') ? posix.join(posix.dirname(path), specifier) : null;
    found.push({ at: node.start, specifier, file });
  });
  return found;
}

/** Imports against the arrows. */
export function wrongImports(path: string, text: string): string[] {
  const { list, add } = objections(path, text);
  const room = roomOf(path);
  if (room === null) return list;
  if (room === '?') {
    add(0, 'this folder of src/ is no room: see ARROWS in tests/support/tidy.ts');
    return list;
  }
  const { to, packages } = ARROWS[room];
  for (const { at, specifier, file } of importsOf(path, text)) {
    if (file === null) {
      const name = /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier;
      if (packages !== ANY && !packages.includes(name))
        add(at, `${room} may not import '${specifier}'`);
    } else if (!file.startsWith('src/')) {
      add(at, `${room} imports ${file}, which is outside src/`);
    } else if (roomOf(file) !== room && to !== ANY && !to.test(file.slice('src/'.length))) {
      add(at, `${room} may not import ${file}`);
    }
  }
  return list;
}

/** The first cycle of rooms that import one another, as "a → b → a"; null when there is none. */
export function roomCycle(files: Iterable<readonly [path: string, text: string]>): string | null {
  const arrows = new Map<string, Set<string>>();
  for (const [path, text] of files) {
    const from = roomOf(path);
    if (from === null) continue;
    for (const { file } of importsOf(path, text)) {
      const to = file === null ? null : roomOf(file);
      if (to === null || to === from) continue;
      arrows.set(from, (arrows.get(from) ?? new Set()).add(to));
    }
  }
  const done = new Set<string>();
  const search = (room: string, trail: string[]): string | null => {
    if (trail.includes(room)) return [...trail.slice(trail.indexOf(room)), room].join(' → ');
    if (done.has(room)) return null;
    for (const next of arrows.get(room) ?? []) {
      const cycle = search(next, [...trail, room]);
      if (cycle !== null) return cycle;
    }
    done.add(room);
    return null;
  };
  for (const room of arrows.keys()) {
    const cycle = search(room, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

// ── what the model may not use ────────────────────────────────────────────────────────────────────────────────────────

/** What of Math is exact, and so the same on every engine (IEEE 754 rounds sqrt correctly). */
const EXACT_MATH: readonly string[] = [
  'abs',
  'ceil',
  'clz32',
  'floor',
  'fround',
  'imul',
  'max',
  'min',
  'round',
  'sign',
  'sqrt',
  'trunc',
  'PI',
  'E',
  'LN2',
  'LN10',
  'LOG2E',
  'LOG10E',
  'SQRT2',
  'SQRT1_2',
];
/** The outside world: time, chance, files, whatever differs between places. */
const OUTSIDE: readonly string[] = [
  'Buffer',
  'Date',
  'Intl',
  'Promise',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'global',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
  'FinalizationRegistry',
  'WeakRef',
];
/** Methods whose result depends on the place or the engine. */
const BY_PLACE: readonly string[] = [
  'localeCompare',
  'toLocaleString',
  'toLocaleUpperCase',
  'toLocaleLowerCase',
];

/** Names that a file declares somewhere: a variable called `process` is not Node's. */
function declaredIn(program: Node): Set<string> {
  const names = new Set<string>();
  const pattern = (x: unknown): void => {
    if (!isNode(x)) return;
    if (x.type === 'Identifier') names.add(String(x['name']));
    else if (x.type === 'ObjectPattern')
      for (const p of x['properties'] as Node[]) pattern(p['value'] ?? p['argument']);
    else if (x.type === 'ArrayPattern') for (const e of x['elements'] as Node[]) pattern(e);
    else pattern(x['left'] ?? x['argument'] ?? x['parameter']);
  };
  walk(program, (node) => {
    if (Array.isArray(node['params'])) for (const p of node['params']) pattern(p);
    if (node.type === 'VariableDeclarator') pattern(node['id']);
    else if (/^(Function|Class|TSInterface|TSTypeAlias|TSEnum)\w*$/.test(node.type))
      pattern(node['id']);
    else if (/^Import\w*Specifier$/.test(node.type)) pattern(node['local']);
    else if (node.type === 'CatchClause') pattern(node['param']);
  });
  return names;
}

/** Whether an identifier stands for a variable (and not for a property, a key, a label). */
function isReference(parent: Node | null, field: string): boolean {
  if (parent === null) return false;
  if (field === 'property') return parent['computed'] === true;
  if (field === 'key') return parent['computed'] === true || parent['shorthand'] === true;
  return !(
    /^(imported|exported|label|right)$/.test(field) &&
    /^(Import|Export|TSNamedTuple|TSQualified|Break|Continue|Labeled)/.test(parent.type)
  );
}

export function bannedWords(path: string, text: string): string[] {
  const { list, add } = objections(path, text);
  if (!path.startsWith('src/')) return list;
  const program = parse(path, text);
  const own = declaredIn(program);
  const pure = isPure(path);
  walk(program, (node, parent, field) => {
    if (node.type === 'Identifier') {
      const name = String(node['name']);
      if (own.has(name) || !isReference(parent, field)) return;
      if (name === 'Math') {
        const property =
          parent?.type === 'MemberExpression' && field === 'object' ? parent['property'] : null;
        const member =
          isNode(property) && parent?.['computed'] !== true ? String(property['name']) : '?';
        if (member === 'random') add(node.start, 'Math.random: draw from a named stream');
        else if (pure && !EXACT_MATH.includes(member))
          add(
            node.start,
            `Math.${member} may differ between engines: base/math.ts has what is exact`,
          );
      } else if (pure && OUTSIDE.includes(name)) {
        add(node.start, `${name} is of the outside world: only cli/, study/ and report/ see it`);
      }
    }
    if (!pure) return;
    if (node['operator'] === '**' || node['operator'] === '**=')
      add(node.start, '** may differ between engines: base/math.ts has what is exact');
    if (node['async'] === true || node['await'] === true || node.type === 'AwaitExpression')
      add(node.start, 'nothing below cli/ is async');
    if (node.type === 'ImportExpression')
      add(node.start, 'import() is a promise: nothing below cli/ is async');
    if (
      node.type === 'MemberExpression' &&
      isNode(node['property']) &&
      BY_PLACE.includes(String(node['property']['name']))
    )
      add(node.start, `${String(node['property']['name'])} depends on the locale`);
  });
  return list;
}

// ── state that outlives a run ─────────────────────────────────────────────────────────────────────────────────────────

function isMutableContainer(x: unknown): boolean {
  if (!isNode(x)) return false;
  if (/^TS(As|Satisfies|NonNull|TypeAssertion)/.test(x.type))
    return isMutableContainer(x['expression']);
  // An empty literal is there to be filled; a full one is taken for a table.
  if (x.type === 'ArrayExpression') return (x['elements'] as unknown[]).length === 0;
  if (x.type === 'ObjectExpression') return (x['properties'] as unknown[]).length === 0;
  const callee = x.type === 'NewExpression' ? x['callee'] : null;
  return isNode(callee) && /^(Map|Set|WeakMap|WeakSet|Array)$/.test(String(callee['name']));
}

function isReadonlyType(annotation: unknown): boolean {
  const type = isNode(annotation) ? annotation['typeAnnotation'] : null;
  if (!isNode(type)) return false;
  if (type.type === 'TSTypeOperator') return type['operator'] === 'readonly';
  return isNode(type['typeName']) && /^Readonly/.test(String(type['typeName']['name']));
}

export function moduleState(path: string, text: string): string[] {
  const { list, add } = objections(path, text);
  if (!path.startsWith('src/') || roomOf(path) === 'cli') return list;
  const program = parse(path, text);
  for (const statement of program['body'] as Node[]) {
    const declaration = isNode(statement['declaration']) ? statement['declaration'] : statement;
    if (declaration.type !== 'VariableDeclaration' || declaration['declare'] === true) continue;
    const kind = String(declaration['kind']);
    if (kind !== 'const')
      add(declaration.start, `a module-level '${kind}' outlives the run: put it into an object`);
    for (const { id, init } of declaration['declarations'] as { id: Node; init: unknown }[])
      if (isMutableContainer(init) && !isReadonlyType(id['typeAnnotation']))
        add(id.start, 'a module-level container needs a Readonly… type, or an owner');
  }
  walk(program, (node) => {
    if (node.type === 'PropertyDefinition' && node['static'] === true && node['readonly'] !== true)
      add(node.start, 'a static field is module-level state: make it readonly, or a field');
  });
  return list;
}

// ── system calls are yielded ──────────────────────────────────────────────────────────────────────────────────────────

/** `sys.read(…)` only fills in the thread's trap; the kernel acts when it is yielded, so it must be, at once. */
export function callsWithoutYield(path: string, text: string): string[] {
  const { list, add } = objections(path, text);
  if (!path.startsWith('src/app/')) return list;
  walk(parse(path, text), (node, parent) => {
    if (node.type !== 'CallExpression') return;
    const callee = node['callee'] as Node;
    const object = callee.type === 'MemberExpression' ? (callee['object'] as Node) : null;
    const name =
      object?.['name'] ?? (isNode(object?.['property']) ? object['property']['name'] : null);
    if (name !== 'sys') return;
    if (parent?.type === 'YieldExpression' && parent['delegate'] !== true) return;
    add(node.start, 'a system call that is not yielded does nothing: `yield sys.…`');
  });
  return list;
}

// ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export const MOST_LINES = 700;

export function tooLong(path: string, text: string): string[] {
  const lines = text.split('\n').length - 1;
  if (!path.startsWith('src/') || lines <= MOST_LINES) return [];
  return [`${path}:${lines}: more than ${MOST_LINES} lines`];
}

/** Marks of unfinished work. The pattern is put together here so as not to find itself. */
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'X' + 'XX'].join('|')})\\b`, 'g');

export function unfinished(path: string, text: string): string[] {
  const { list, add } = objections(path, text);
  if (!/\.([cm]?[jt]s|sh)$/.test(path)) return list;
  for (const match of text.matchAll(UNFINISHED))
    add(match.index, `${match[0]}: finish it or write an issue`);
  return list;
}

/** Relative links of a Markdown file to files that are not there. `exists` is asked for paths from the repo's root. */
export function brokenLinks(
  path: string,
  text: string,
  exists: (path: string) => boolean,
): string[] {
  const { list, add } = objections(path, text);
  if (!path.endsWith('.md')) return list;
  // Code shows brackets of its own; blanked, so that line numbers stay.
  const prose = text.replace(/^(`{3,}|~{3,})[^]*?^\1|`[^`\n]*`/gm, (code) =>
    code.replace(/[^\n]/g, ' '),
  );
  const links = /\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s*<?(\S+?)>?\s*$/gm;
  for (const match of prose.matchAll(links)) {
    const target = match[1] ?? match[2] ?? '';
    if (/^([a-z][a-z+.-]*:|#)/i.test(target)) continue;
    const file = decodeURI(target.replace(/[#?].*$/, ''));
    const resolved = file.startsWith('/') ? file.slice(1) : posix.join(posix.dirname(path), file);
    if (!exists(resolved.replace(/\/$/, ''))) add(match.index, `there is no ${target}`);
  }
  return list;
}

/** Absolute paths of somebody's machine, and hosts of package registries: neither is of use to a reader elsewhere. */
const FOREIGN: readonly (readonly [RegExp, string])[] = [
  [/(?<![\w.~:/*-])\/(work|root|Users|home\/\w+)\//g, 'a path of one machine'],
  [/\bregistry\.[a-z0-9-]+\.[a-z]{2,}/gi, 'the host of a package registry'],
  [/"resolved"\s*:/g, 'a lockfile entry bound to one registry'],
];

export function foreignNames(path: string, text: string): string[] {
  const { list, add } = objections(path, text);
  for (const [pattern, what] of FOREIGN)
    for (const match of text.matchAll(pattern)) add(match.index, `${what}: ${match[0]}`);
  return list;
}

/** Optional packages (binaries for other platforms) that package-lock.json leaves out: `npm ci` refuses such a file. */
export function missingFromLockfile(text: string): string[] {
  const { packages } = JSON.parse(text) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const missing: string[] = [];
  for (const [path, { optionalDependencies }] of Object.entries(packages))
    for (const name of Object.keys(optionalDependencies ?? {}))
      if (!(`node_modules/${name}` in packages) && !(`${path}/node_modules/${name}` in packages))
        missing.push(`${path} → ${name}`);
  return missing;
}
