// Traces of an output stream: JSON Lines from `sealpack check`, from the recorder around a
// stream in production, or from your own checker.
import { reportTrace, specified } from "sealpack/lab";

/** @import { Extent, Frame, Picture } from "sealpack/lab" */
/**
 * A trace that was read.
 *
 * @typedef {{
 *   stream: string,
 *   bufferSize: number,
 *   trim: boolean,
 *   reference: boolean,
 *   start: number[],
 *   departure: number | null,
 *   frames: Frame[],
 *   lines: object[],
 * }} ReadTrace
 */

/** The version of the format that this page reads. */
const VERSION = 1;

/**
 * Reads a trace: JSON Lines, or the object that `sealpack check --replay --json` prints.
 *
 * @param {string} text
 * @returns {ReadTrace}
 * @throws {Error} that names the line
 */
export function readTrace(text) {
  const [head, ...frames] = linesOf(text);
  if (!head) throw new Error("The trace is empty.");
  if (typeof head.trace !== "number") throw new Error("Line 1 is not the header of a trace.");
  if (head.trace !== VERSION)
    throw new Error(`The trace has version ${head.trace}; this page reads version ${VERSION}.`);
  if (!isSize(head.buffer_size)) throw new Error("Line 1 of the trace has no buffer size.");
  if (!frames.length) throw new Error("The trace has no steps.");
  const wrong = frames.findIndex((/** @type {any} */ frame) => !isFrame(frame));
  if (wrong >= 0) throw new Error(`Line ${wrong + 2} of the trace is not a step.`);
  const departure = frames.findIndex((/** @type {Frame} */ frame) => frame.departure);
  return {
    stream: String(head.stream ?? ""),
    bufferSize: head.buffer_size,
    trim: head.trim === true,
    reference: head.flush_rule === "reference",
    start: ["capacity", "filled", "pending"].map((key) => head.start?.[key] ?? 0),
    departure: departure < 0 ? null : departure,
    frames,
    lines: [head, ...frames],
  };
}

/** The module counts bytes in 32 bits. */
const MAX_COUNTED = 2 ** 32 - 1;

/**
 * What the specification does with the events of a trace: its steps, or the reason why they are not known.
 *
 * @param {ReadTrace} trace
 * @returns {Promise<{ steps?: readonly Frame[], reason?: string }>}
 */
export async function specifiedSteps({ bufferSize, trim, reference, start, frames }) {
  if (![...start, frames.at(-1)?.written ?? 0].every((number) => number <= MAX_COUNTED))
    return { reason: "it counts more than 4 GiB; sealpack step --trace compares it" };
  const events = frames.map(({ event }) => event);
  try {
    const steps = await specified(events, { bufferSize, trim, reference, start });
    return steps ? { steps } : { reason: "the specification may put more than 262,144 times" };
  } catch (error) {
    return { reason: error.message };
  }
}

/**
 * A page in Markdown about a trace.
 *
 * @param {ReadTrace} trace
 */
export const traceReport = ({ lines }) => reportTrace(lines.map((line) => JSON.stringify(line)).join("\n"));

/**
 * @param {string} text
 * @returns {any[]}
 */
function linesOf(text) {
  try {
    const { trace } = JSON.parse(text);
    if (Array.isArray(trace)) return trace;
  } catch {
    // JSON Lines.
  }
  return text.split("\n").flatMap((line, at) => {
    if (!line.trim()) return [];
    try {
      return [JSON.parse(line)];
    } catch {
      throw new Error(`Line ${at + 1} of the trace is not JSON.`);
    }
  });
}

/** @param {unknown} n */
const isSize = (n) => typeof n === "number" && Number.isSafeInteger(n) && n >= 0;

/** @param {Partial<Picture["state"]> | undefined} state */
const isState = (state) => [state?.capacity, state?.filled, state?.pending].every(isSize);

/** @param {Partial<Extent>} extent */
const isExtent = ({ at, len, kind }) => isSize(at) && isSize(len) && ["copied", "zero_copy"].includes(kind ?? "");

/** @param {unknown} extents */
const isExtents = (extents) => Array.isArray(extents) && extents.every(isExtent);

/** @param {Partial<Picture> | undefined} picture */
const isPicture = (picture) => isState(picture?.state) && isExtents(picture?.extents);

/** @param {any} call */
const isCall = (call) => ["flush", "close"].includes(call?.kind) || (isSize(call?.len) && isExtents(call.extents));

/** @param {any} frame */
function isFrame(frame) {
  return (
    typeof frame?.event === "string" &&
    typeof frame.words === "string" &&
    isPicture(frame.after) &&
    Array.isArray(frame.outputs) &&
    frame.outputs.every(isCall) &&
    Array.isArray(frame.verdict) &&
    frame.verdict.every((/** @type {Frame["verdict"][number]} */ { invariant }) => typeof invariant === "string") &&
    Array.isArray(frame.findings) &&
    frame.findings.every(
      (/** @type {Frame["findings"][number]} */ { invariant, words }) =>
        typeof invariant === "string" && typeof words === "string",
    ) &&
    (!frame.departure || (isState(frame.departure.after) && Array.isArray(frame.departure.puts)))
  );
}
