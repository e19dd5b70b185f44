export { clock } from './shared-clock.js';
