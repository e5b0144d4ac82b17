import { defineConfig, type ViteUserConfig } from 'vitest/config';

const config: ViteUserConfig = defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    setupFiles: ['tests/support/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // No module keeps mutable state (tests/tidy.test.ts sees to it), so test files can share one module graph.
    isolate: false,
    pool: 'threads',
  },
});

export default config;
