/**
 * `npm run test:soak`: generated worlds by the thousand, every law in each. What the test suite does with a few hundred, for
 * as long as one likes: `npm run test:soak -- --worlds 100000 --seed 7`. Exit 1 at the first world in which a law does not
 * hold, with that world as YAML; 2 for bad options.
 */
import { SingleBar, Presets } from 'cli-progress';
import yargs from 'yargs';
import { check, CheckError, invariants, scenarios } from '../../src/testing/index.ts';

const { worlds, seed } = yargs(process.argv.slice(2))
  .usage('npm run test:soak -- [--worlds N] [--seed N]')
  .options({
    worlds: { type: 'number', default: 10_000, describe: 'how many' },
    seed: {
      type: 'number',
      default: 1,
      describe: 'of the first batch; each batch has the next one',
    },
  })
  .check((o) => {
    for (const key of ['worlds', 'seed'] as const) {
      if (!Number.isSafeInteger(o[key]) || o[key] < 1)
        throw new Error(`--${key}: a whole number ≥ 1`);
    }
    return true;
  })
  .fail((message, error) => {
    console.error(message ?? error.message);
    process.exit(2);
  })
  .version(false)
  .strict()
  .parseSync();

/** Worlds with one seed: after each batch the bar moves. */
const BATCH = 100;

const bar = new SingleBar(
  { format: '{bar} {value} of {total} worlds | {eta_formatted} left', noTTYOutput: false },
  Presets.shades_grey,
);
const began = performance.now();
bar.start(worlds, 0);
let done = 0;
try {
  for (let batch = 0; done < worlds; batch++) {
    const runs = Math.min(BATCH, worlds - done);
    check(scenarios(), invariants.all, { runs, seed: seed + batch });
    bar.update((done += runs));
  }
  bar.stop();
  const seconds = (performance.now() - began) / 1000;
  console.log(
    `${worlds} worlds, ${Object.keys(invariants).length - 1} laws in each: all hold (${seconds.toFixed(0)} s, seeds ${seed} to ${seed + Math.ceil(worlds / BATCH) - 1})`,
  );
} catch (error) {
  bar.stop();
  if (!(error instanceof CheckError)) throw error;
  console.error(`after ${done} worlds that hold:\n\n${error.message}`);
  process.exitCode = 1;
}
