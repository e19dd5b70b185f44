export { APP_VERSION } from './app-version.js';
export { baseUrl } from './base-url.js';
export {
  type Config,
  ConfigError,
  describeSettings,
  loadConfig,
  refuseOpenServer,
} from './config.js';
export { CONFIG, ConfigModule } from './config.module.js';
export type { RateLimit } from './limits.config.js';
export { type AddressRange, type OutboundRule, parseOutboundRule } from './outbound-rule.js';
export { runnerEnvironment } from './runner-environment.js';
export type { Durability } from './redis.config.js';
export { isLoopback } from './server.config.js';
export { isTraced } from './traces.config.js';
