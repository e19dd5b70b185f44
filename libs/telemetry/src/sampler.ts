import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import type { Config } from '#libs/config';

type SamplerName = Config['traces']['OTEL_TRACES_SAMPLER'];

const ROOTS = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (share: number) => new TraceIdRatioBasedSampler(share),
};

/** @param share of the traces, for a ratio. */
export function samplerOf(name: SamplerName, share: number): Sampler {
  const [, parentBased, root] = /^(parentbased_)?(.*)$/.exec(name) ?? [];
  const sampler = ROOTS[root as keyof typeof ROOTS](share);
  return parentBased === undefined ? sampler : new ParentBasedSampler({ root: sampler });
}
