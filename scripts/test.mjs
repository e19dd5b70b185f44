// npm test [-- jest's arguments]: all tests, against a real Redis.
import { runTests } from './lib/jest.mjs';
import { runMain } from './lib/plain-error.mjs';

await runMain(() => runTests(process.argv.slice(2)));
