import { jest } from '@jest/globals';

// A bound on waiting, not on speed: a test that hangs should end with its name.
jest.setTimeout(60_000);
