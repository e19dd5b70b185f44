/** What ONNX Runtime and its accelerators may look at. */
const PASSED =
  /^(PATH|HOME|LANG|LC_\w+|TZ|TMPDIR|LD_LIBRARY_PATH|CUDA_\w+|NVIDIA_\w+|VK_\w+|ORT_\w+|OMP_\w+)$/;
const SECRET = /KEY|SECRET|TOKEN|PASSWORD/;

/** Environment of a runner process: never keys, passwords or secrets. */
export function runnerEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const names = Object.keys(env).filter((name) => PASSED.test(name) && !SECRET.test(name));
  return Object.fromEntries(names.map((name) => [name, env[name]]));
}
