export { type DnsAnswer, startTestDns, type TestDns } from './dns.js';
export { EventStream, type StreamedEvent } from './event-stream.js';
export { messageOf } from './job-message.js';
export { jobSpecOf, NO_TIME } from './job-spec.js';
export { codeOf, pointedErrorsOf, problemOf } from './problems.js';
export { startNodes, startTestCluster, type TestCluster, urlOf } from './redis-cluster.js';
export { freePort, startTestRedis, type TestRedis } from './redis.js';
export { startTestS3, type TestS3 } from './s3.js';
