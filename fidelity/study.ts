/** `npm run study`: runs studies/receive-buffer.yaml and writes tables and pictures of docs/guide/buffer-study.md anew. */
import { readFileSync, writeFileSync } from 'node:fs';
import { picture } from '../src/study/picture.ts';
import { renderSvg } from '../src/study/render.ts';
import { blocksOf, comparedRows, PAGE, runGrids, withBlocks } from './buffer-study.ts';

const studies = runGrids();
const blocks = blocksOf(studies, comparedRows());
writeFileSync(PAGE, withBlocks(readFileSync(PAGE, 'utf8'), blocks));
for (const study of studies) {
  const drawn = picture(study);
  if (drawn === null) throw new Error(`no picture of ${study.sweep.name}`);
  writeFileSync(new URL(`img/${study.sweep.name}.svg`, PAGE), await renderSvg(drawn));
  console.log(`${study.sweep.name}: ${study.done} runs`);
}
