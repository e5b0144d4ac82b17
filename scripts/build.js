// `npm run build`: dist/ and schema.json, always; `--if-stale`: only when a source is newer.
import { build, buildIfStale, install, main } from './tools.js';

await main(async () => {
  await install();
  if (process.argv.includes('--if-stale')) {
    await buildIfStale();
    return 0;
  }
  const { code, output } = await build();
  if (output !== '') console.error(output);
  return code;
});
