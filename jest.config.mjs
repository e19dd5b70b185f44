/** TypeScript through swc, as ES modules; `#libs/x` leads to the sources, not to what was built. */
const shared = {
  rootDir: import.meta.dirname,
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          target: 'es2024',
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  moduleNameMapper: {
    '^#libs/(.*)$': '<rootDir>/libs/$1/src/index.ts',
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  modulePathIgnorePatterns: ['<rootDir>/dist'],
};

/** @type {import('jest').Config} */
export default {
  projects: [
    {
      ...shared,
      displayName: 'unit',
      setupFilesAfterEnv: ['<rootDir>/test/support/timeout.ts'],
      testMatch: ['<rootDir>/{apps,libs}/**/*.spec.ts', '<rootDir>/test/docs/*.spec.ts'],
    },
    {
      ...shared,
      displayName: 'e2e',
      testMatch: ['<rootDir>/test/e2e/**/*.e2e.spec.ts'],
      setupFilesAfterEnv: ['<rootDir>/test/support/timeout.ts'],
    },
    {
      ...shared,
      displayName: 'chaos',
      setupFilesAfterEnv: ['<rootDir>/test/support/timeout.ts'],
      testMatch: ['<rootDir>/test/chaos/**/*.spec.ts'],
      // What takes minutes is left to `npm run test:chaos`.
      testPathIgnorePatterns:
        process.env.CHAOS === 'long' ? [] : ['<rootDir>/test/chaos/.*\\.long\\.chaos\\.spec\\.ts$'],
    },
  ],
  reporters: ['default', '<rootDir>/scripts/lib/closing-line.reporter.mjs'],
  // End-to-end tests start processes of their own; more at once than cores only makes them wait.
  maxWorkers: 2,
};
