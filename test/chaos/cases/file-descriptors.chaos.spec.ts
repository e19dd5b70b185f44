import { setTimeout as delay } from 'node:timers/promises';
import { runners } from '../../e2e/support/installation.js';
import { chaosCase } from '../support/chaos-case.js';
import { withoutFileDescriptors } from '../support/file-descriptors.js';
import { echoes } from '../support/workloads.js';

chaosCase(
  {
    name: 'file-descriptors',
    apps: ['api', 'worker', 'courier'],
    models: ['fixture:slow'],
    short: { faultMs: 5000 },
    long: { faultMs: 40_000 },
  },
  async (world, { faultMs }) => {
    world.load.start({ ratePerS: 30, workloads: [echoes], hooked: 0.5, keyed: 0.3 });
    for (const name of ['courier', 'worker', 'api'] as const) {
      await world.accepted(50);
      const [app] = world.running(name);
      if (!app) throw new Error(`no ${name} runs`);
      await world.fault(`the ${name} can open no more files or sockets`, async () => {
        const end = withoutFileDescriptors(app.pid);
        // What it would have to start again, and cannot.
        if (name === 'worker') for (const pid of runners(app.pid)) process.kill(pid, 'SIGKILL');
        await delay(faultMs);
        end();
      });
    }
  },
);
