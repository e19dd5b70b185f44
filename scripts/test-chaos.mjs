// npm run test:chaos [-- jest's arguments]: every case of the chaos suite in its long form, and the report of what came of it.
import { writeReport } from './lib/chaos-report.mjs';
import { findFaketime } from './lib/faketime.mjs';
import { runTests } from './lib/jest.mjs';
import { runMain } from './lib/plain-error.mjs';

await runMain(async () => {
  // One case at a time: each has the machine to itself, so that what is measured means something.
  const args = ['--selectProjects', 'chaos', '--runInBand', ...process.argv.slice(2)];
  const code = await runTests(args, {
    CHAOS: 'long',
    FORETELL_FAKETIME: await findFaketime(),
  });
  await writeReport();
  return code;
});
