// `npm run types`: every TypeScript config, one after the other; each is a second or less.
import { entryPoint, install, main, node } from './tools.js';

/** name → config file */
export const typeChecks = {
  types: 'tsconfig.json',
  'types without Node': 'tsconfig.browser.json',
  'types of scripts': 'tsconfig.scripts.json',
};

if (process.argv[1] === import.meta.filename) {
  await main(async () => {
    await install();
    let worst = 0;
    for (const config of Object.values(typeChecks)) {
      const args = [entryPoint('typescript', 'tsc'), '--noEmit', '-p', config];
      worst = Math.max(worst, (await node(args, { show: true })).code);
    }
    return worst;
  });
}
