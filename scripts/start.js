// `npm start`: on a fresh clone this installs, builds and runs the scenarios; later only what has changed is done again.
// `npm start -- --json …` hands the rest to `hostwire run`.
import { buildIfStale, install, main, node } from './tools.js';

await main(async () => {
  await install();
  await buildIfStale();
  const args = ['dist/cli/main.js', 'run', 'scenarios.yaml', ...process.argv.slice(2)];
  return (await node(args, { show: true })).code;
});
