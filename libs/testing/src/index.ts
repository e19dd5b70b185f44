export { codeOf, pointedErrorsOf, problemOf } from './problems.js';
export { startTestRedis, type TestRedis, type TestRedisOptions } from './redis.js';
