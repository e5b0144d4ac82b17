// Joins the compiled modules of the model into one function, in model.js. `node scripts/join.js FOLDER [USERS…]`
//
// A frame passes some hundred functions on its way, and what V8 compiles of them is smaller by a fifth and faster by as much
// when they stand in one function than in modules (docs/decisions/0011-one-function.md). Declarations, the command line and
// the reports stay as the compiler leaves them, one file for one file. A file of the model that one of them imports, or that
// the package exports, stays as a door: it passes on what model.js has of it.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { parseSync } from 'oxc-parser';
import { rolldown } from 'rolldown';

/** What runs unchanged in a browser (tsconfig.browser.json), and the package's main entry. */
const MODEL = ['base', 'engine', 'tcp', 'kernel', 'app', 'sim', 'packetdrill', 'index.js'];
const ENTRIES = ['index.js', 'app/index.js'];

/**
 * @param {string} folder  what the compiler made of src/
 * @param {string[]} [users]  more compiled code that imports from it (bench/)
 */
export async function joinModel(folder, users = []) {
  const model = new Set(MODEL.flatMap((room) => scripts(join(folder, room))));
  const others = [folder, ...users].flatMap(scripts).filter((file) => !model.has(file));
  const asked = others.flatMap(importedBy).filter((file) => model.has(file));
  const doors = new Set([...ENTRIES.map((entry) => join(folder, entry)), ...asked]);
  const named = [...doors].map((file, i) => ({ file, names: uniqueNames(file, i) }));

  const joined = join(folder, 'model.js');
  await writeJoined(joined, named);
  for (const file of model) rmSync(file);
  for (const { file, names } of named) {
    const list = names.map(({ name, unique }) => `  ${unique} as ${name},\n`).join('');
    writeFileSync(file, `export {\n${list}} from '${specifier(joined, file)}';\n`);
  }
}

/**
 * Every name that a door exports, with one that no other door has.
 * @param {string} file
 * @param {number} i
 */
function uniqueNames(file, i) {
  return namesIn(file).map((name) => ({ name, unique: `${name}_${i}` }));
}

/**
 * @param {string} joined
 * @param {{ file: string, names: { name: string, unique: string }[] }[]} doors
 */
async function writeJoined(joined, doors) {
  const entry = `${joined}.entry.js`;
  const lines = doors.map(({ file, names }) => {
    const list = names.map(({ name, unique }) => `${name} as ${unique}`).join(', ');
    return `export { ${list} } from '${specifier(file, entry)}';\n`;
  });
  writeFileSync(entry, lines.join(''));
  try {
    const bundle = await rolldown({
      input: entry,
      platform: 'neutral',
      // Packages stay imports.
      external: (id, _importer, resolved) => !resolved && !id.startsWith('.') && id !== entry,
      plugins: [{ name: 'one-function', renderChunk: (code) => oneFunction(code) }],
    });
    await bundle.write({ file: joined, format: 'esm' });
  } finally {
    rmSync(entry);
  }
}

/**
 * Puts what stands between a module's imports and its list of exports into a function.
 * @param {string} code
 */
export function oneFunction(code) {
  const { body } = parseSync('model.js', code).program;
  const imports = body.filter((node) => node.type === 'ImportDeclaration');
  const exported = body.at(-1);
  if (exported?.type !== 'ExportNamedDeclaration' || exported.specifiers.length === 0)
    throw new Error('the joined model does not end with a list of exports');
  const pairs = exported.specifiers.map(({ local, exported: given }) => {
    if (local.type !== 'Identifier' || given.type !== 'Identifier')
      throw new Error('the joined model exports something by a name that is none');
    return { local: local.name, given: given.name };
  });
  // Imports may stand anywhere and hold everywhere: what is between them is kept, in its order.
  const edges = [0, ...imports.flatMap(({ start, end }) => [start, end]), exported.start];
  const kept = edges.flatMap((edge, i) => (i % 2 === 0 ? code.slice(edge, edges[i + 1]) : []));
  const names = pairs.map(({ given }) => `  ${given},\n`).join('');
  return [
    ...imports.map(({ start, end }) => code.slice(start, end)),
    `const {\n${names}} = (() => {`,
    kept.join('').trim(),
    `return {\n${pairs.map(({ given, local }) => `  ${given}: ${local},\n`).join('')}};`,
    '})();',
    `export {\n${names}};\n`,
  ].join('\n');
}

/**
 * The scripts at or below a path.
 * @param {string} path
 */
function scripts(path) {
  if (path.endsWith('.js')) return [path];
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => join(path, name));
}

/** @param {string} file */
function parsed(file) {
  const code = readFileSync(file, 'utf8');
  return { code, ...parseSync(file, code).module };
}

/**
 * The files that a module names, in `import()` too.
 * @param {string} file
 */
function importedBy(file) {
  const { code, staticImports, staticExports, dynamicImports } = parsed(file);
  const ids = [
    ...staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...staticExports.flatMap(({ entries }) => entries.map((e) => e.moduleRequest?.value ?? '')),
    ...dynamicImports.map(({ moduleRequest: m }) => code.slice(m.start + 1, m.end - 1)),
  ];
  return ids.filter((id) => id.startsWith('.')).map((id) => resolve(dirname(file), id));
}

/**
 * What a module exports, by `export *` too.
 * @param {string} file
 * @returns {string[]}
 */
function namesIn(file) {
  const names = parsed(file).staticExports.flatMap(({ entries }) =>
    entries.flatMap(({ exportName, moduleRequest }) => {
      if (exportName.kind === 'Name') return exportName.name ?? [];
      if (exportName.kind === 'Default') return 'default';
      return moduleRequest === null ? [] : namesIn(resolve(dirname(file), moduleRequest.value));
    }),
  );
  return [...new Set(names)];
}

/**
 * @param {string} to
 * @param {string} from  the importing file
 */
function specifier(to, from) {
  const path = relative(dirname(from), to).split(sep).join('/');
  return path.startsWith('.') ? path : `./${path}`;
}

if (process.argv[1] === import.meta.filename) {
  const [folder, ...users] = process.argv.slice(2).map((path) => resolve(path));
  if (folder === undefined) throw new Error('which folder?');
  await joinModel(folder, users);
}
