import { join, relative, sep } from 'node:path';
import { defineConfig, type ViteUserConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification, type Vite } from 'vitest/node';
import { SLOWEST } from './tests/support/slowest.ts';

/** The files that take longest start first: one that starts last keeps a core busy while the others have nothing left to do. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root } = this.ctx.config;
    const rank = (file: TestSpecification): number => {
      const at = SLOWEST.indexOf(slashed(relative(root, file.moduleId)));
      return at < 0 ? SLOWEST.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

const slashed = (path: string): string => path.split(sep).join('/');
const SOURCES = slashed(join(import.meta.dirname, 'src', sep));

/**
 * Vite makes every export a getter, and a call from one module into another goes through it: a third of the time of a simulation.
 * Modules of src/ make no circle and keep no mutable state (tests/tidy.test.ts), so what they export is final when they end.
 */
const constantExports: Vite.Plugin = {
  name: 'constant-exports',
  enforce: 'post',
  transform: (code, id) =>
    id.startsWith(SOURCES)
      ? {
          code: `${code}
for (const name of Object.keys(__vite_ssr_exports__))
  Object.defineProperty(__vite_ssr_exports__, name, { value: __vite_ssr_exports__[name], writable: true });`,
          map: null,
        }
      : null,
};

const config: ViteUserConfig = defineConfig({
  plugins: [constantExports],
  test: {
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/support/setup.ts'],
    // Ten times what the slowest that names no limit of its own takes on a quiet machine: as many files as cores run at once.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // No module keeps mutable state (tests/tidy.test.ts sees to it), so test files can share one module graph.
    isolate: false,
    pool: 'threads',
    // Vitest keeps a core for itself, which is half of two; it needs it for seconds only.
    maxWorkers: '100%',
    sequence: { sequencer: LongestFirst },
  },
});

export default config;
