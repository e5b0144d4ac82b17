// What the scripts share: where things are, whether the install and the build are current, and how to run a tool.
// Only node: built-ins, since this runs before anything is installed; and no shell, since it must run on Windows too:
// tools are started as `node <their JavaScript entry point>`, never through a .cmd shim.
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const cache = join(root, 'node_modules', '.cache', 'hostwire');
const builtStamp = join(root, 'dist', '.built');
const cliMain = join(root, 'dist', 'cli', 'main.js');

/** @param {string} path */
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/**
 * The JavaScript file behind a package's command.
 * @param {string} pkg
 * @param {string} [command]
 */
export function entryPoint(pkg, command = pkg) {
  const folder = join(root, 'node_modules', pkg);
  const { bin } = readJson(join(folder, 'package.json'));
  return join(folder, typeof bin === 'string' ? bin : bin[command]);
}

/**
 * @typedef {{ code: number, output: string, stdout: string }} Ran
 * @typedef {{ show?: boolean, cwd?: string, env?: NodeJS.ProcessEnv }} RunOptions  show: pass the output on instead of keeping it
 */

/**
 * Runs `node args…` and waits for its end.
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Ran>}
 */
export function node(args, options = {}) {
  return start(process.execPath, args, options, false);
}

/**
 * Runs npm: the one that runs us, when one does.
 * @param {string[]} args
 * @param {RunOptions} [options]
 * @returns {Promise<Ran>}
 */
export function npm(args, options = {}) {
  const own = process.env['npm_execpath'];
  if (own !== undefined && /npm-cli\.[cm]?js$/.test(own)) return node([own, ...args], options);
  // On Windows npm is a .cmd file, which Node starts only through a shell; the arguments are our own constants.
  return start('npm', args, options, process.platform === 'win32');
}

/** Tools colour what they write for us to keep, unless told: only a terminal wants that. */
const ownEnv = process.stdout.isTTY ? process.env : { ...process.env, NO_COLOR: '1' };

/**
 * @param {string} command
 * @param {string[]} args
 * @param {RunOptions} options
 * @param {boolean} shell
 * @returns {Promise<Ran>}
 */
function start(command, args, { show = false, cwd = root, env = ownEnv }, shell) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env,
      shell,
      stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let stdout = '';
    child.stdout?.setEncoding('utf8').on('data', (text) => {
      output += text;
      stdout += text;
    });
    child.stderr?.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
    // A Ctrl-C at the terminal reaches the child as well: it decides what to do, we wait and pass on how it ended.
    const wait = () => {};
    process.on('SIGINT', wait);
    const stop = () => void child.kill();
    process.on('SIGTERM', stop);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      process.off('SIGINT', wait);
      process.off('SIGTERM', stop);
      resolve({ code: code ?? (signal === 'SIGINT' ? 130 : 1), output, stdout });
    });
  });
}

/**
 * Whether node_modules holds what package-lock.json asks for. Contents are compared, not times: npm itself writes the
 * lockfile after the install, and a fresh checkout makes every file new.
 */
export function isInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  /** @type {Record<string, { version: string, integrity?: string, optional?: boolean }>} */
  const wanted = readJson(join(root, 'package-lock.json')).packages;
  /** @type {typeof wanted} */
  const got = readJson(record).packages;
  return Object.entries(wanted).every(([path, want]) => {
    if (path === '') return true;
    const have = got[path];
    // What is optional may be for another platform.
    if (have === undefined) return want.optional === true;
    return have.version === want.version && have.integrity === want.integrity;
  });
}

/** Installs when that is needed. --include=dev: the build and the tests need them even where NODE_ENV=production. */
export async function install() {
  if (isInstalled()) return;
  console.error('hostwire: installing dependencies (npm ci) …');
  const { code } = await npm(['ci', '--include=dev', '--no-audit', '--no-fund'], { show: true });
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}`);
}

/**
 * The time of the newest change below a path; a folder's own time tells of deleted files.
 * @param {string} path
 * @returns {number}
 */
function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  let time = stat.mtimeMs;
  if (stat.isDirectory())
    for (const name of readdirSync(path)) time = Math.max(time, newest(join(path, name)));
  return time;
}

export function isBuilt() {
  const built = statSync(builtStamp, { throwIfNoEntry: false });
  if (built === undefined) return false;
  const inputs = [
    'src',
    'package-lock.json',
    'scripts/join.js',
    'tsconfig.json',
    'tsconfig.build.json',
  ];
  return inputs.every((path) => newest(join(root, path)) < built.mtimeMs);
}

/**
 * Compiles src/ to dist/, joins the model in one function (join.js) and writes schema.json. dist/ is replaced as a whole and only by a build that succeeded, so
 * nothing of a deleted source stays behind and whoever runs the old one is not cut off.
 * @returns {Promise<Ran>}
 */
export async function build() {
  const started = new Date();
  mkdirSync(cache, { recursive: true });
  const fresh = join(cache, `dist-${process.pid}`);
  const old = `${fresh}-old`;
  const args = [entryPoint('typescript', 'tsc'), '-p', 'tsconfig.build.json', '--outDir', fresh];
  const compiled = await node(args);
  if (compiled.code !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    return compiled;
  }
  try {
    const { joinModel } = await import('./join.js');
    await joinModel(fresh);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    throw error;
  }
  // `npx hostwire` starts this file by itself.
  const program = join(fresh, 'cli', 'main.js');
  if (existsSync(program)) chmodSync(program, 0o755);
  // Stamped with the start: a source saved while the compiler ran makes this build stale, as it should.
  writeFileSync(join(fresh, '.built'), '');
  utimesSync(join(fresh, '.built'), started, started);
  swap(fresh, old);
  return writeSchema(compiled);
}

/**
 * Puts a finished build in the place of dist/. Two builds may finish at once (tests that find it stale): the later wins.
 * @param {string} fresh
 * @param {string} old
 */
function swap(fresh, old) {
  const dist = join(root, 'dist');
  for (let tries = 1; ; tries++) {
    try {
      if (existsSync(dist)) renameSync(dist, `${old}${tries}`);
      renameSync(fresh, dist);
      break;
    } catch (error) {
      if (tries === 5) throw error;
    }
  }
  for (let n = 1; n <= 5; n++) rmSync(`${old}${n}`, { recursive: true, force: true });
}

/**
 * The JSON Schema of scenario files, for editors; printed by the program itself so that there is one source.
 * @param {Ran} compiled
 * @returns {Promise<Ran>}
 */
async function writeSchema(compiled) {
  if (!existsSync(cliMain)) return compiled;
  const printed = await node([cliMain, 'schema']);
  // An aid, not a part of the program: without it everything but an editor's completion works.
  if (printed.code !== 0) return { ...compiled, output: `no schema.json:\n${printed.output}` };
  writeFileSync(join(root, 'schema.json'), printed.stdout);
  return compiled;
}

/** Builds when a source is newer than the build; on failure says why and throws. */
export async function buildIfStale() {
  if (isBuilt()) return;
  console.error('hostwire: building …');
  const { code, output } = await build();
  if (code === 0) return;
  console.error(output);
  throw new Error('the build failed');
}

/**
 * Runs a script's main function: an error becomes one line and exit code 1.
 * @param {() => Promise<number>} script
 */
export async function main(script) {
  try {
    process.exitCode = await script();
  } catch (error) {
    console.error(`hostwire: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}
