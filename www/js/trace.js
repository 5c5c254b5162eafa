// Traces of an output stream: JSON Lines from `sealpack check`, from the recorder around a
// stream in production, or from your own checker.
import { reportTrace, specified } from "sealpack/lab";

/** The version of the format that this page reads. */
const VERSION = 1;

/**
 * Reads a trace: JSON Lines, or the object that `sealpack check --replay --json` prints.
 *
 * @param {string} text
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
  const wrong = frames.findIndex((frame) => !isFrame(frame));
  if (wrong >= 0) throw new Error(`Line ${wrong + 2} of the trace is not a step.`);
  const departure = frames.findIndex((frame) => frame.departure);
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
 * @returns {Promise<{ steps?: readonly object[], reason?: string }>}
 */
export async function specifiedSteps({ bufferSize, trim, reference, start, frames }) {
  if (![...start, frames.at(-1).written ?? 0].every((number) => number <= MAX_COUNTED))
    return { reason: "it counts more than 4 GiB; sealpack step --trace compares it" };
  const events = frames.map(({ event }) => event);
  try {
    const steps = await specified(events, { bufferSize, trim, reference, start });
    return steps ? { steps } : { reason: "the specification may put more than 262,144 times" };
  } catch (error) {
    return { reason: error.message };
  }
}

/** A page in Markdown about a trace. */
export const traceReport = ({ lines }) => reportTrace(lines.map((line) => JSON.stringify(line)).join("\n"));

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

const isSize = (n) => Number.isSafeInteger(n) && n >= 0;

const isState = (state) => [state?.capacity, state?.filled, state?.pending].every(isSize);

const isExtents = (extents) =>
  Array.isArray(extents) &&
  extents.every(({ at, len, kind }) => isSize(at) && isSize(len) && ["copied", "zero_copy"].includes(kind));

const isPicture = (picture) => isState(picture?.state) && isExtents(picture.extents);

const isCall = (call) => ["flush", "close"].includes(call?.kind) || (isSize(call?.len) && isExtents(call.extents));

function isFrame(frame) {
  return (
    typeof frame?.event === "string" &&
    typeof frame.words === "string" &&
    isPicture(frame.after) &&
    Array.isArray(frame.outputs) &&
    frame.outputs.every(isCall) &&
    Array.isArray(frame.verdict) &&
    frame.verdict.every(({ invariant }) => typeof invariant === "string") &&
    Array.isArray(frame.findings) &&
    frame.findings.every(({ invariant, words }) => typeof invariant === "string" && typeof words === "string") &&
    (!frame.departure || (isState(frame.departure.after) && Array.isArray(frame.departure.puts)))
  );
}
