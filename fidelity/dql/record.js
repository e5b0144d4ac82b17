// Records what tests/kernel/machine/bql.test.ts compares with: what Linux's own lib/dynamic_queue_limits.c answers to random calls,
// and which limit it comes to on a wire that always has something to send. Prints a JSON line for each.
//
//   node fidelity/dql/record.js LINUX      LINUX: a source tree of the kernel; with a C compiler
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCE = 'lib/dynamic_queue_limits.c';
/** Headers that shim.h stands in for. */
const EMPTY = [
  'linux/types.h',
  'linux/kernel.h',
  'linux/jiffies.h',
  'linux/compiler.h',
  'linux/export.h',
  'trace/events/napi.h',
  'asm/bitops.h',
  'asm/bug.h',
];
const SEEDS = 8;
const CALLS = 400;
const RATES = [1e8, 1e9, 1e10];
const PACKETS = [314, 1514];
const WAITS_US = [0, 8, 50, 200];

function main(tree) {
  if (tree === undefined || !existsSync(join(tree, SOURCE))) {
    console.error(
      `record: no ${SOURCE} in ${tree ?? 'what you gave'}; give a source tree of Linux`,
    );
    process.exitCode = 2;
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), 'dql-'));
  try {
    for (const header of EMPTY) {
      mkdirSync(join(dir, dirname(header)), { recursive: true });
      writeFileSync(join(dir, header), '');
    }
    mkdirSync(join(dir, 'linux'), { recursive: true });
    const header = join(tree, 'include/linux/dynamic_queue_limits.h');
    writeFileSync(join(dir, 'linux/dynamic_queue_limits.h'), `#include "${header}"\n`);
    const program = join(dir, 'drive');
    const sources = [join(HERE, 'drive.c'), join(tree, SOURCE)];
    const cc = ['-O1', '-o', program, '-include', join(HERE, 'shim.h'), '-I', dir];
    execFileSync('cc', [...cc, ...sources], { stdio: 'inherit' });
    const drive = (...args) => execFileSync(program, args.map(String), { encoding: 'utf8' });
    for (let seed = 1; seed <= SEEDS; seed++)
      console.log(`{"seed":${seed},"calls":[${drive('calls', seed, CALLS)}]}`);
    for (const rate of RATES)
      for (const packet of PACKETS)
        for (const wait of WAITS_US) {
          const [limit, perCompletion] = drive('wire', rate, packet, wait * 1000).split(' ');
          const set = { rate, packet, txUsecs: wait };
          console.log(JSON.stringify({ ...set, limit: +limit, perCompletion: +perCompletion }));
        }
  } finally {
    rmSync(dir, { recursive: true });
  }
}

main(process.argv[2]);
