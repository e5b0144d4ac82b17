// Runs a TypeScript program of the repo (bench/, fidelity/) from its source: `node scripts/tsx.js bench/main.ts …`.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { install, main, node, root } from './tools.js';

await main(async () => {
  const [file = '', ...rest] = process.argv.slice(2);
  if (!existsSync(join(root, file))) throw new Error(`there is no ${file}`);
  await install();
  return (await node(['--import', 'tsx', file, ...rest], { show: true })).code;
});
