import { jest } from '@jest/globals';

// A bound on waiting, not on speed: a test that hangs should end with its name, and one on a slow machine with its result.
jest.setTimeout(120_000);
