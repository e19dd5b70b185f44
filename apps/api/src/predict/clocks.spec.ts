import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '#libs/config';
import type { JobDefaults } from '#libs/contracts';
import { pointedErrorsOf } from '#libs/testing';
import { clocksOf } from './clocks.js';

const config = loadConfig({
  REDIS_URL: 'redis://x',
  RESULT_TTL_S: '60',
  MAX_RESULT_TTL_S: '100',
  MAX_QUEUE_TIMEOUT_S: '200',
  RUN_TIMEOUT_S: '300',
});
const of = (asked: JobDefaults, defaults: JobDefaults = {}) => clocksOf(asked, defaults, config);
const seconds = (queue: number, execution: number, ttl: number) => ({
  queue_timeout_s: queue,
  execution_timeout_s: execution,
  result_ttl_s: ttl,
});

describe('clocksOf', () => {
  it('is what the installation says where nobody says anything', () => {
    expect(of({})).toEqual({
      queueTimeoutS: undefined,
      executionTimeoutS: undefined,
      resultTtlS: 60,
    });
  });

  it('is what the manifest says where the caller does not, field by field', () => {
    expect(of({ queue_timeout_s: 0.5 }, seconds(1, 2, 3))).toEqual({
      queueTimeoutS: 0.5,
      executionTimeoutS: 2,
      resultTtlS: 3,
    });
  });

  it('cuts a manifest to the maxima, and a caller may ask for just them', () => {
    const most = { queueTimeoutS: 200, executionTimeoutS: 300, resultTtlS: 100 };
    expect(of({}, seconds(1e6, 1e6, 1e6))).toEqual(most);
    expect(of(seconds(200, 300, 100))).toEqual(most);
  });

  it('refuses a caller who asks for more, and names every field', () => {
    expect(pointedErrorsOf(() => of(seconds(200.1, 301, 101)))).toEqual([
      { pointer: '/queue_timeout_s', message: 'must not be above 200' },
      { pointer: '/execution_timeout_s', message: 'must not be above 300' },
      { pointer: '/result_ttl_s', message: 'must not be above 100' },
    ]);
  });
});
