/** What ONNX Runtime and its accelerators may look at. */
const PASSED =
  /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|CUDA_\w+|NVIDIA_\w+|ORT_\w+|OMP_\w+)$/;

/** Environment of a runner process: never keys, passwords or secrets. */
export function runnerEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => PASSED.test(name)));
}
