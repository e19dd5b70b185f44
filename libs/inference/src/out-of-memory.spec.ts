import { describe, expect, it } from '@jest/globals';
import { isOutOfMemory } from './out-of-memory.js';

describe('isOutOfMemory', () => {
  it.each([
    "Non-zero status code returned while running Conv node. Name:'347_nchwc' Status Message: bfc_arena.cc:330 onnxruntime::BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 285081600",
    "Non-zero status code returned while running FusedMatMul node. Name:'MatMul' Status Message: bad allocation",
    "Non-zero status code returned while running Add node. Name:'a' Status Message: std::bad_alloc",
    'CUDA failure 2: out of memory ; GPU=0 ; hostname=h ; file=cuda_allocator.cc ; line=47 ; expr=cudaMalloc((void**)&p, size);',
    'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; expr=cublasCreate(&cublas_handle_);',
    'CUDNN failure 4: CUDNN_STATUS_ALLOC_FAILED',
    'failed to allocate 32.00M from device: CUDA_ERROR_OUT_OF_MEMORY',
    '8007000E Not enough memory resources are available to complete this operation.',
    'Array buffer allocation failed',
  ])('is true of %s', (message) => {
    expect(isOutOfMemory(new Error(message))).toBe(true);
    expect(isOutOfMemory(message)).toBe(true);
  });

  it.each([
    'indices element out of data bounds, idx=10 must be within the inclusive range [-10,9]',
    'Got invalid dimensions for input: x for the following indices index: 0 Got: 2 Expected: 1',
    'CUDA failure 700: an illegal memory access was encountered',
    '',
  ])('is false of %p', (message) => {
    expect(isOutOfMemory(new Error(message))).toBe(false);
  });
});
