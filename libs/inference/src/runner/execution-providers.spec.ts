import { describe, expect, it } from '@jest/globals';
import { providerChoice, providerFailure } from './execution-providers.js';

describe('providerChoice', () => {
  it('gives instances the GPUs in turn', () => {
    const labels = [0, 1, 2, 3].map((instance) => providerChoice('cuda', instance, 3).label);
    expect(labels).toEqual(['cuda:0', 'cuda:1', 'cuda:2', 'cuda:0']);
    expect(providerChoice('cuda', 4, 3).sessionProviders).toEqual([{ name: 'cuda', deviceId: 1 }]);
  });

  it('asks for the first GPU where none is known', () => {
    expect(providerChoice('cuda', 2, 0).label).toBe('cuda:0');
  });

  it('puts CUDA on the same GPU behind TensorRT', () => {
    expect(providerChoice('tensorrt', 1, 2)).toEqual({
      label: 'tensorrt:1',
      sessionProviders: [
        { name: 'tensorrt', deviceId: 1 },
        { name: 'cuda', deviceId: 1 },
      ],
    });
  });

  it.each(['cpu', 'webgpu', 'coreml', 'dml'])('asks for %s by name', (name) => {
    expect(providerChoice(name, 1, 2)).toEqual({ label: name, sessionProviders: [name] });
  });
});

describe('providerFailure', () => {
  it('says what to do where the CUDA libraries cannot be loaded', () => {
    const reason = 'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library';
    expect(providerFailure('cuda', reason)).toContain('ONNXRUNTIME_NODE_INSTALL=cuda12');
    expect(providerFailure('webgpu', reason)).toBe(reason);
  });

  it('says what this ONNX Runtime does not have', () => {
    const reason = 'no available backend found. ERR: [dml] backend not found.';
    expect(providerFailure('dml', reason)).toMatch(/^not in the ONNX Runtime for \w+ on \w+$/);
  });
});
