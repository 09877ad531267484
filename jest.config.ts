import { availableParallelism } from 'node:os';
import type { Config } from 'jest';

const config: Config = {
  testEnvironment: 'node',
  testMatch: ['<rootDir>/test/**/*.test.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { target: 'es2024', parser: { syntax: 'typescript' } },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  extensionsToTreatAsEsm: [],
  // Tests wait for other processes, and for what is due later: some more of them than there are cores.
  // Jest takes '150%' for 150 workers.
  maxWorkers: Math.ceil(1.5 * availableParallelism()),
  testTimeout: 120_000,
  globalSetup: '<rootDir>/test/setup.ts',
  globalTeardown: '<rootDir>/test/tearDown.ts',
  setupFiles: ['<rootDir>/test/loopbackOnly.ts', '<rootDir>/test/everyAnswer.ts'],
  collectCoverageFrom: ['src/**/*.ts', 'migrations/**/*.ts'],
  coverageReporters: ['text-summary', 'lcovonly'],
  coverageThreshold: { global: { branches: 75, functions: 85, lines: 85 } },
};

export default config;
