/** What README and guide show is what a run prints. HOSTWIRE_UPDATE=1 writes it anew. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { refreshed } from './pages.ts';

const ROOT = new URL('../../', import.meta.url);
const guide = readdirSync(new URL('docs/guide/', ROOT)).filter((name) => name.endsWith('.md'));

test.each(['README.md', 'docs/io-models.md', ...guide.map((name) => `docs/guide/${name}`)])(
  '%s shows real output',
  async (name) => {
    const path = new URL(name, ROOT);
    const before = readFileSync(path, 'utf8');
    const now = await refreshed(before);
    if (process.env['HOSTWIRE_UPDATE'] === '1') writeFileSync(path, now);
    expect(readFileSync(path, 'utf8')).toBe(now);
  },
);
