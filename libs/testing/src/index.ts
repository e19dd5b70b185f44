export { messageOf } from './job-message.js';
export { codeOf, pointedErrorsOf, problemOf } from './problems.js';
export { freePort, startTestRedis, type TestRedis } from './redis.js';
