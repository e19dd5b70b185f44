export { codeOf, pointedErrorsOf, problemOf } from './problems.js';
export { startTestRedis, type TestRedis } from './redis.js';
