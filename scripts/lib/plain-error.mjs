/** An error whose message alone is what the reader needs: it is shown without a stack. */
export class PlainError extends Error {}

/**
 * Runs a script's main function and exits with the code it returns.
 *
 * @param {() => Promise<number>} main
 * @returns {Promise<void>}
 */
export async function runMain(main) {
  try {
    process.exit(await main());
  } catch (error) {
    console.error(error instanceof PlainError ? `foretell: ${error.message}` : error);
    process.exit(1);
  }
}
