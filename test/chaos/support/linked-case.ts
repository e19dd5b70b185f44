import { afterAll } from '@jest/globals';
import { type ChaosCase, chaosCase } from './chaos-case.js';
import { FaultProxy } from './fault.proxy.js';
import type { World } from './world.js';

/** A case whose processes have a network between them and their Redis. */
export function linkedCase<P>(
  options: ChaosCase<P>,
  run: (world: World, network: FaultProxy, form: P) => Promise<void>,
): void {
  let network: FaultProxy | undefined;
  const through = async (redis: { port: number }) => {
    network = await FaultProxy.start(redis.port);
    return { REDIS_URL: network.url };
  };
  chaosCase({ ...options, through }, async (world, form) => {
    if (!network) throw new Error('nothing lies between');
    await run(world, network, form);
  });
  afterAll(() => network?.stop());
}
