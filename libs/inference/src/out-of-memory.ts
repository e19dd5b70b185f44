/**
 * What ONNX Runtime and what it stands on say when memory has run out: the arena of any provider
 * (`BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size …`), C++
 * (`std::bad_alloc`, `bad allocation`), CUDA (`CUDA failure 2: out of memory`), its libraries
 * (`CUBLAS_STATUS_ALLOC_FAILED`), DirectML (`E_OUTOFMEMORY`, `8007000E`), V8 (`Array buffer allocation
 * failed`).
 */
const SIGNS =
  /out[ _-]?of[ _-]?memory|bad[ _]alloc|failed to allocate|alloc(?:ation)?[ _]failed|8007000E/i;

/** Whether a run failed because memory ran out, so that fewer rows may still fit. */
export function isOutOfMemory(error: unknown): boolean {
  return SIGNS.test(error instanceof Error ? error.message : String(error));
}
