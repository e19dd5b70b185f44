import type { InferenceSession } from 'onnxruntime-node';

/** A provider as a session is opened with it. */
export interface ProviderChoice {
  /** What it is called in reports, with the index of its GPU: `cuda:1`. */
  label: string;
  sessionProviders: InferenceSession.ExecutionProviderConfig[];
}

/** Whether it wants an NVIDIA GPU, of which there may be several. */
export function usesNvidiaGpu(name: string): boolean {
  return name === 'cuda' || name === 'tensorrt';
}

/**
 * How a session asks for a provider. Instances take NVIDIA GPUs in turn. What TensorRT cannot do goes to
 * CUDA on the same GPU, as ONNX Runtime advises; the CPU does what neither can.
 * @param gpuCount 0 where none is known: the first is asked for, and its failure tells why.
 */
export function providerChoice(name: string, instance: number, gpuCount: number): ProviderChoice {
  if (!usesNvidiaGpu(name)) return { label: name, sessionProviders: [name] };
  const deviceId = instance % Math.max(1, gpuCount);
  const cuda = { name: 'cuda', deviceId };
  return {
    label: `${name}:${String(deviceId)}`,
    sessionProviders: name === 'tensorrt' ? [{ name, deviceId }, cuda] : [cuda],
  };
}

/** Why a provider failed, with what the operator can do where that is known. */
export function providerFailure(name: string, reason: string): string {
  if (/backend not found|is unsupported/.test(reason)) {
    return `not in the ONNX Runtime for ${process.platform} on ${process.arch}`;
  }
  if (usesNvidiaGpu(name) && /Failed to load (shared )?library/.test(reason)) {
    return `${reason}: its libraries are missing (run install.js of onnxruntime-node with ONNXRUNTIME_NODE_INSTALL=cuda12), or CUDA 12 and cuDNN 9 are not where LD_LIBRARY_PATH leads`;
  }
  return reason;
}
