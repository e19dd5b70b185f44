import { describe, expect, it } from '@jest/globals';
import type { VersionDescription } from '#libs/contracts';
import { contentOf } from './content-of.js';
import { parseManifest } from './manifest.js';

function described(yaml: string): VersionDescription {
  return { ...parseManifest(yaml, 'm'), model: 'iris', version: '1' };
}

const content = (yaml: string, sha256 = 'a') => contentOf(described(yaml), sha256, '1.0.0');
const FIELDS = 'input: { kind: tabular, fields: [{ name: a, mean: 1 }] }\n';

describe('contentOf', () => {
  it.each([
    ['nothing', ''],
    ['texts to show', 'description: d\ncard: { licence: l }\n'],
    [
      'batching',
      'batching: { max_batch_size: 3, max_queue_delay_ms: 9 }\nwarmup: { batch_sizes: [2] }\n',
    ],
    ['how it is run', 'instances: 2\nthreads: 2\nlifecycle: { keep_warm: 1 }\n'],
    ['what jobs get', 'defaults: { queue_timeout_s: 1 }\n'],
    ['what is watched of it', 'drift: false\n'],
    ['the cache itself', 'cache_ttl_s: 60\ncache_shared: true\ncache_max_entries: 9\n'],
  ])('stays as it is where a manifest differs by %s', (_, yaml) => {
    expect(content(FIELDS + yaml)).toBe(content(FIELDS));
  });

  it.each([
    ['another scale', 'input: { kind: tabular, fields: [{ name: a, mean: 2 }] }\n'],
    ['other outputs', `${FIELDS}output: { kind: regression, decimals: 1 }\n`],
    ['padding', `${FIELDS}batching: { padding: { value: 1 } }\n`],
    ['a graph without a batch dimension', `${FIELDS}batching: { max_batch_size: 0 }\n`],
  ])('is another one with %s', (_, yaml) => {
    expect(content(yaml)).not.toBe(content(FIELDS));
  });

  it('is another one with other files, of another version, model or build', () => {
    const all = [
      content(FIELDS),
      content(FIELDS, 'b'),
      contentOf({ ...described(FIELDS), version: '2' }, 'a', '1.0.0'),
      contentOf({ ...described(FIELDS), model: 'digits' }, 'a', '1.0.0'),
      contentOf(described(FIELDS), 'a', '1.0.1'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });
});
