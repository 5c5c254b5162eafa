// The one error class of the package. Programs look at `code`; people read
// `message`. The codes are a promise: they are listed in the README and in
// index.d.ts, and are never renamed.

export class SealpackError extends Error {
  /**
   * @param {string} code one of the codes of index.d.ts
   * @param {string} message what happened and, where there is something to do, what
   * @param {object} [detail] where: section, record, fault, status, url, cause …
   */
  constructor(code, message, { cause, ...where } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    // Callers that know only the platform's habit look for this name.
    this.name = code === "aborted" ? "AbortError" : "SealpackError";
    this.code = code;
    Object.assign(this, where);
  }
}

/** What the wasm module threw, as a SealpackError. Anything else is a bug of ours and says so. */
export function fromWasm(thrown) {
  if (thrown instanceof SealpackError) return thrown;
  if (thrown instanceof Error && typeof thrown.code === "string") {
    const { code, message, section, record, fault, cause } = thrown;
    const where = { section, fault };
    if (record !== undefined) where.record = record;
    return new SealpackError(code, message, { ...where, cause });
  }
  return new SealpackError("internal", `sealpack failed unexpectedly: ${thrown?.message ?? thrown}`, {
    cause: thrown,
  });
}

/** Calls into the module, with its errors as ours. */
export function guarded(call) {
  try {
    return call();
  } catch (thrown) {
    throw fromWasm(thrown);
  }
}

export function invalidArgument(message) {
  return new SealpackError("invalid-argument", message);
}

export function aborted(signal) {
  return new SealpackError("aborted", "the operation was aborted", { cause: signal?.reason });
}
