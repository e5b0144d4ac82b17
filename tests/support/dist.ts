// Tests of what is shipped need the compiled program; they build it when it is stale, as `npm start` does.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';

export const root: string = join(import.meta.dirname, '..', '..');
export const cliMain: string = join(root, 'dist', 'cli', 'main.js');
/** Nothing can be shipped before there is a command. */
export const hasCli: boolean = existsSync(join(root, 'src', 'cli', 'main.ts'));

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The environment without what the npm that may be running us left in it: a nested npm would take it for its own. */
const env: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries({ ...process.env, NO_COLOR: '1' }).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle|command|execpath|config_local_prefix)|INIT_CWD|VITEST|NODE_ENV)/.test(
        name,
      ),
  ),
);

/** Runs a program and gives back how it ended, whatever that was. Asynchronous, so that Vitest's worker can still answer. */
export function exec(
  command: string,
  args: readonly string[],
  cwd: string = root,
  shell: boolean = false,
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const options = { cwd, env, shell, maxBuffer: 1 << 28, encoding: 'utf8' } as const;
    execFile(command, args, options, (error, stdout, stderr) => {
      if (typeof error?.code === 'string') reject(error);
      else resolve({ code: error === null ? 0 : (error.code ?? 1), stdout, stderr });
    });
  });
}

/** Runs npm: on Windows it is a .cmd file, which needs a shell unless the npm above us tells where its JavaScript is. */
export function npm(args: readonly string[], cwd: string): Promise<Ran> {
  const own = process.env['npm_execpath'];
  if (own !== undefined && /npm-cli\.[cm]?js$/.test(own))
    return exec(process.execPath, [own, ...args], cwd);
  return exec('npm', args, cwd, process.platform === 'win32');
}

/** As exec(), but anything other than exit code 0 is an error that shows what was printed. */
export async function succeed(running: Promise<Ran>): Promise<string> {
  const { code, stdout, stderr } = await running;
  if (code !== 0) throw new Error(`exit code ${code}\n${stdout}\n${stderr}`);
  return stdout;
}

export async function ensureBuilt(): Promise<void> {
  await succeed(exec(process.execPath, [join('scripts', 'build.js'), '--if-stale']));
}
