import { describe, expect, it } from '@jest/globals';
import { ortReason } from './ort-reason.js';

describe('ortReason', () => {
  // As onnxruntime-node 1.30 wrote them.
  it.each([
    [
      'Load model from /srv/models/a b/1/model.onnx failed:Protobuf parsing failed.',
      'Protobuf parsing failed.',
    ],
    [
      'Load model from /srv/m/1/model.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:202 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&, const onnxruntime::IOnnxRuntimeOpSchemaRegistryList*, const onnxruntime::logging::Logger&, const onnxruntime::ModelOptions&) Unsupported model IR version: 999, max supported IR version: 13\n',
      'Unsupported model IR version: 999, max supported IR version: 13',
    ],
    [
      '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n',
      'adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters',
    ],
    [
      'Exception during initialization: /onnxruntime_src/onnxruntime/core/optimizer/initializer.cc:51 onnxruntime::Initializer::Initializer(const onnx::TensorProto&, const std::filesystem::__cxx11::path&) [ONNXRuntimeError] : 1 : FAIL : tensorprotoutils.cc:594 GetExternalDataInfo TensorProto: w external data size mismatch. Computed size: 16, external_data.length: 8\n',
      'TensorProto: w external data size mismatch. Computed size: 16, external_data.length: 8',
    ],
    [
      'Exception during initialization: /onnxruntime_src/onnxruntime/core/common/safeint.h:17 static void SafeIntExceptionHandler<onnxruntime::OnnxRuntimeException>::SafeIntOnOverflow() Integer overflow\n',
      'Integer overflow',
    ],
    [
      "Could not find an implementation for Add(1) node with name ''",
      "Could not find an implementation for Add(1) node with name ''",
    ],
  ])('tidies %p', (message, reason) => {
    expect(ortReason(new Error(message))).toBe(reason);
  });
});
