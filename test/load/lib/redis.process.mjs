// A private Redis with the settings of `npm start` (AOF on every write), for the length of one turn.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRedis } from '../../../scripts/lib/redis-binary.mjs';
import { startRedis } from '../../../scripts/lib/redis.mjs';

const [dataDir = ''] = process.argv.slice(2);
const redis = await startRedis({ binary: await findRedis(), dataDir });

const stop = () => void redis.stop().then(() => process.exit(0));
process.once('SIGTERM', stop);
process.once('disconnect', stop);
const { pid } = JSON.parse(readFileSync(join(dataDir, 'redis/redis-process.json'), 'utf8'));
process.send?.({ url: redis.url, pid });
