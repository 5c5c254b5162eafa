// Step: a case of the output stream, frame by frame, with or without a seeded bug.
import { mutants, promises, prove, replay, report } from "sealpack/lab";
import { announce, byId, field, h, save, setUsable } from "./dom.js";
import { readTrace, specifiedSteps, traceReport } from "./trace.js";
import { plural } from "./words.js";

/** @import { Extent, Frame, Picture, Proof, SinkCall, Steps, StreamInvariant } from "sealpack/lab" */
/** @import { ReadTrace } from "./trace.js" */

/** The case that is shown first. */
const START = "trim=1 writes=z7,b2,z8,b1,z3,b4,f";
/** @type {[name: string, text: string][]} */
const SCENARIOS = [
  ["Small writes share a buffer", "trim=1 writes=b2,b2,b3,b1"],
  ["A large write is handed over", "trim=1 writes=b3,z9,b2"],
  ["As a pack is written", START],
  ["Without trim", "trim=0 writes=z4,b4,z3,b6,f"],
  ["A flush of more than S", "trim=1 writes=z4,b4,f"],
  ["The tail does not fit the remnant", "trim=1 writes=b4,z1,b7"],
  ["A put that fails", "trim=1 writes=b4,z3!1+2,b3,f"],
];

export class StepView {
  /** @type {readonly StreamInvariant[]} */
  #invariants = [];
  /** @type {Steps | ReadTrace | null} */
  #steps = null;
  #at = 0;
  #turn = 0;
  /** @type {ReadTrace | null} the trace that is shown; `null` for a case */
  #trace = null;
  /** @type {Awaited<ReturnType<typeof specifiedSteps>> | null} the steps of the specification for the events of the trace */
  #specified = null;

  constructor() {
    this.scenario = h(
      "select",
      SCENARIOS.map(([name, text]) => h("option", { value: text }, name)),
      h("option", { value: "" }, "Your own"),
    );
    this.text = h("input", {
      type: "text",
      spellcheck: "false",
      autocapitalize: "off",
      autocomplete: "off",
      value: START,
    });
    this.mutant = h("select", h("option", { value: "" }, "none"));
    this.size = h("input", { type: "number", min: "1", max: "16", value: "5" });
    this.scenario.value = START;
    this.file = h("input", { type: "file", accept: ".json,.jsonl", id: "step-trace" });
    this.frame = h("div", { id: "frame" });
    this.writes = h("ol.writes", { "aria-label": "Steps" });
    this.problem = h("div", { role: "alert" });
    this.proof = h("div", { id: "proof" });
    this.back = h("button.quiet", { type: "button", onclick: () => this.#go(this.#at - 1) }, "← Back");
    this.forward = h(
      "button",
      { type: "button", id: "step-forward", onclick: () => this.#go(this.#at + 1) },
      "Step →",
    );
    this.prove = h(
      "button.quiet",
      { type: "button", id: "prove", onclick: () => this.#prove() },
      "Visit every state",
    );
    byId("step").append(this.#controls(), this.problem, this.#stage());
    this.#listen();
  }

  #controls() {
    return h(
      "form.sheet",
      { onsubmit: (event) => event.preventDefault() },
      h(
        "fieldset.options",
        h("legend.visually-hidden", "The case"),
        field("Scenario", this.scenario),
        h(
          "div.two",
          field("Case", this.text, "bN copies N bytes, zN hands N over, f flushes; !1+2 makes a put fail"),
        ),
        field("Seeded bug", this.mutant),
        field("Buffer size S", this.size),
        h(
          "div.two",
          field("Trace", this.file, "printed by sealpack check --replay --json, or written by a recorder in production"),
        ),
      ),
    );
  }

  #stage() {
    return h(
      "section.sheet",
      { "aria-label": "The stream, step by step", id: "stage", tabindex: "0" },
      h("div.title-row", h("h2", "Steps"), h("div.actions", this.back, this.forward, this.prove)),
      h("p.hint", "The arrow keys step, Home and End jump."),
      letters(),
      h(
        "ul.map-key",
        ["copied", "handed over", "free"].map((word) =>
          h("li", h(`span.swatch.${word.split(" ")[0]}`, { "aria-hidden": "true" }), word),
        ),
      ),
      this.writes,
      this.frame,
      this.proof,
    );
  }

  #listen() {
    this.scenario.addEventListener("change", () => {
      if (this.scenario.value) this.text.value = this.scenario.value;
      this.#run();
    });
    this.text.addEventListener("input", () => {
      this.scenario.value = SCENARIOS.some(([, text]) => text === this.text.value) ? this.text.value : "";
      this.#run();
    });
    this.size.addEventListener("input", () => this.#run());
    this.mutant.addEventListener("change", () => this.#chosenBug());
    this.file.addEventListener("change", () => this.#load(this.file.files?.[0]));
    byId("step").addEventListener("keydown", (event) => {
      if (/** @type {Element} */ (event.target).closest("input, select, textarea")) return;
      /** @type {Record<string, number>} */
      const targets = { ArrowLeft: this.#at - 1, ArrowRight: this.#at + 1, Home: 0, End: Infinity };
      const to = targets[event.key];
      if (to === undefined) return;
      event.preventDefault();
      this.#go(to);
    });
  }

  async shown() {
    if (this.#invariants.length) return;
    try {
      const [bugs, known] = await Promise.all([mutants(), promises()]);
      this.#invariants = known;
      this.mutant.append(
        ...bugs.map(({ name, wrong }) =>
          h("option", { value: name, title: wrong }, name.replaceAll("-", " ")),
        ),
      );
      await this.#run();
    } catch (error) {
      this.problem.replaceChildren(h("div.notice.bad", h("p", error.message)));
    }
  }

  get #options() {
    return { bufferSize: Number(this.size.value) || 5, mutant: this.mutant.value || undefined };
  }

  /** Shows the smallest case in which the bug breaks an invariant. */
  async #chosenBug() {
    if (this.mutant.value) {
      const { smallest } = await prove({ ...this.#options, trim: true });
      const found = smallest ?? (await prove({ ...this.#options, trim: false })).smallest;
      if (found) {
        this.text.value = found[0];
        this.scenario.value = "";
      }
    }
    await this.#run();
    const { departure = null, frames = [] } = this.#steps ?? {};
    const wrong = departure ?? frames.findIndex(({ findings }) => findings.length > 0);
    if (wrong >= 0) this.#go(wrong);
  }

  /**
   * Shows a trace instead of a case.
   *
   * @param {File | undefined} file
   */
  async #load(file) {
    if (!file) return;
    const turn = (this.#turn += 1);
    this.proof.replaceChildren();
    try {
      const trace = readTrace(await file.text());
      const specified = await specifiedSteps(trace);
      if (turn !== this.#turn) return;
      [this.#steps, this.#trace, this.#specified] = [trace, trace, specified];
      this.problem.replaceChildren();
      this.#go(trace.departure ?? 0);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.problem.replaceChildren(h("div.notice.bad", h("p", error.message)));
    }
  }

  async #run() {
    const turn = (this.#turn += 1);
    this.#trace = null;
    this.#specified = null;
    this.file.value = "";
    this.proof.replaceChildren();
    try {
      const steps = await replay(this.text.value.trim(), this.#options);
      if (turn !== this.#turn) return;
      this.#steps = steps;
      this.problem.replaceChildren();
      this.text.removeAttribute("aria-invalid");
      this.#go(0, false);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.text.setAttribute("aria-invalid", "true");
      this.problem.replaceChildren(h("div.notice.bad", h("p", error.message)));
    }
  }

  /** @param {number} to */
  #go(to, announced = true) {
    if (!this.#steps) return;
    const { frames } = this.#steps;
    this.#at = Math.min(Math.max(0, to), frames.length - 1);
    // The focus stays: it would be lost with `disabled`, and with the button of the step.
    setUsable(this.back, this.#at > 0);
    setUsable(this.forward, this.#at < frames.length - 1);
    const inList = this.writes.contains(document.activeElement);
    this.writes.replaceChildren(...frames.map((frame, step) => this.#step(frame, step)));
    if (inList) /** @type {HTMLElement | null} */ (this.writes.querySelector("button[aria-current]"))?.focus();
    const frame = frames[this.#at];
    if (!frame) return;
    this.frame.replaceChildren(...this.#draw(frame, this.#steps));
    if (announced)
      announce(
        `Step ${this.#at + 1} of ${frames.length}: ${frame.words}. ${frame.findings.map(({ words }) => words).join(". ")}`,
      );
  }

  /**
   * @param {Frame} frame
   * @param {number} step
   */
  #step(frame, step) {
    const bad = frame.findings.length > 0 || (this.#trace !== null && Boolean(frame.departure));
    const isCurrent = step === this.#at;
    // One tab stop for all steps: the arrow keys move between them.
    const attributes = {
      type: "button",
      tabindex: isCurrent ? "0" : "-1",
      "aria-current": isCurrent && "step",
      "aria-label": `${eventName(frame)}${bad ? ", wrong" : ""}`,
      onclick: () => this.#go(step),
    };
    return h("li", h(`button.quiet${bad ? ".bad-step" : ""}`, attributes, `${frame.event}${bad ? " ✗" : ""}`));
  }

  /**
   * @param {Frame} frame
   * @param {Steps | ReadTrace} steps
   */
  #draw(frame, { bufferSize, trim, frames }) {
    const puts = frames
      .slice(0, this.#at + 1)
      .flatMap(({ outputs }, step) => outputs.map((call) => ({ call, step })));
    const specified = this.#specified?.steps?.[this.#at];
    return [
      ...(this.#trace ? this.#aboutTrace(this.#trace) : []),
      h("p.decision", h("strong", `${eventName(frame)}: `), frame.words),
      ...frame.findings.map(({ invariant, words }) => this.#finding(invariant, words)),
      frame.departure &&
        h(
          "p.hint",
          frame.departure.words
            ? `Not as specified: ${frame.departure.words}.`
            : `Specified: puts ${list(frame.departure.puts)}, then C = ${frame.departure.after.capacity}, E = ${frame.departure.after.filled}, Z = ${frame.departure.after.pending}.`,
        ),
      h(
        "div.columns",
        h("div", h("h3", "Pending bytes and buffer"), picture(frame.after, bufferSize)),
        specified &&
          h(
            "div",
            h("h3", "As specified"),
            picture(specified.after, bufferSize),
            h("p.hint", `Puts ${list(specified.outputs.flatMap((call) => (call.kind === "put" ? [call.len] : [])))}.`),
          ),
        h(
          "div",
          h("h3", `Put so far: ${plural(frame.taken, "byte")} of ${frame.written}`),
          putList(puts, this.#at, bufferSize, trim),
        ),
      ),
      verdicts(frame),
    ].filter((part) => part instanceof Node);
  }

  /** @param {ReadTrace} trace */
  #aboutTrace(trace) {
    const { stream, bufferSize, trim } = trace;
    const page = async () => {
      try {
        save(new Blob([await traceReport(trace)], { type: "text/markdown" }), "trace-report.md");
      } catch (error) {
        this.problem.replaceChildren(h("div.notice.bad", h("p", `There is no report: ${error.message}.`)));
      }
    };
    const reason = this.#specified?.reason;
    return [
      h("p.hint", `Trace of ${stream || "a stream"}, S = ${bufferSize}, ${trim ? "with" : "without"} trim`),
      reason && h("p.hint", `Not compared with the specification: ${reason}.`),
      h("p", h("button.link", { type: "button", onclick: page }, "Save a report about this trace")),
    ];
  }

  /**
   * @param {string} broken the invariant
   * @param {string} words
   */
  #finding(broken, words) {
    const name = broken.replace("_", "-");
    const invariant = this.#invariants.find((known) => known.name === name);
    const page = async () =>
      save(
        new Blob([await report(this.text.value.trim(), name, this.#options)], { type: "text/markdown" }),
        `${name}.md`,
      );
    return h(
      "div.notice.bad",
      h("p", h("strong", `Invariant ${invariant?.number ?? ""} (${name}) is broken: `), words),
      invariant && h("p", invariant.promise),
      // This report runs the case on the stream of this package, not on that of a trace.
      !this.#trace &&
        h("p", h("button.link", { type: "button", onclick: page }, "Save a report with the smallest case")),
    );
  }

  async #prove() {
    this.proof.replaceChildren(h("p.hint", "Visiting every state …"));
    /** @type {{ trim: boolean, proof: Proof }[]} */
    const results = [];
    for (const trim of [true, false]) results.push({ trim, proof: await prove({ ...this.#options, trim }) });
    const lines = results.map(({ trim, proof }) => {
      const world = `${trim ? "With" : "Without"} trim: ${plural(proof.states, "state")}, ${plural(proof.transitions, "transition")}`;
      return proof.holds
        ? `${world}: every invariant holds, for any number of writes.`
        : `${world}: ${proof.smallest?.[1]} is broken; the smallest case is ${proof.smallest?.[0]}.`;
    });
    const good = results.every(({ proof }) => proof.holds);
    this.proof.replaceChildren(
      h(
        `div.notice.${good ? "good" : "bad"}`,
        lines.map((line) => h("p", line)),
      ),
    );
    announce(lines.join(" "));
  }
}

/** The meaning of the letters in the pictures. */
function letters() {
  const meanings = [
    ["S", "the buffer size"],
    ["C", "the capacity of the current buffer"],
    ["E", "the number of its filled bytes"],
    ["L", "the list of pending extents, which are not put yet"],
    ["Z", "the number of bytes in L"],
  ];
  return h(
    "details",
    h("summary", "The meaning of S, C, E, Z and L"),
    h("dl.letters", meanings.map(([letter, meaning]) => [h("dt", letter), h("dd", meaning)]).flat()),
  );
}

/** @param {Frame} frame */
function eventName({ event, implied }) {
  const close = event === "c" ? "close" : null;
  return close ? `${close}${implied ? " (at the end of every case)" : ""}` : event;
}

/** @param {readonly number[]} sizes */
const list = (sizes) => (sizes.length ? sizes.join(" + ") : "nothing");

/** The class and the name of each kind of extent. */
const KINDS = {
  copied: { style: "buffered", name: "copied" },
  zero_copy: { style: "zero", name: "handed over" },
};

/** More bytes than this are drawn as one cell with their number. */
const DRAWN = 64;

/**
 * Cells of bytes, each with its offset in the stream; many bytes are one cell.
 *
 * @param {readonly Extent[]} extents
 */
function cells(extents) {
  return extents.flatMap(({ at, len, kind }) =>
    run(len, `span.cell.${KINDS[kind].style}`, (step) => String(at + step)),
  );
}

/**
 * @param {number} length
 * @param {string} tag
 * @param {(step: number) => string} label
 */
function run(length, tag, label) {
  if (length > DRAWN) return [h(tag, { title: plural(length, "byte") }, `${length} bytes`)];
  return Array.from({ length }, (_, step) => h(tag, label(step)));
}

/** @param {readonly Extent[]} extents */
function describe(extents) {
  return (
    extents.map(({ at, len, kind }) => `${plural(len, "byte")} from ${at}, ${KINDS[kind].name}`).join("; ") ||
    "nothing"
  );
}

/**
 * @param {Picture} picture
 * @param {number} size
 */
function picture({ known, state, extents, buffer_at: at }, size) {
  if (known === false) return h("p.hint", `${plural(state.pending, "byte")} wait inside; the stream does not show how.`);
  const inside = Math.min(state.filled, state.capacity);
  const filled = [
    run(inside, "span.cell.buffered", (step) => String(at + step)),
    run(state.filled - inside, "span.cell.buffered.wrong", (step) => String(at + inside + step)),
  ];
  const free = run(Math.max(0, state.capacity - state.filled), "span.cell.free", () => "·");
  return h(
    "div",
    h("p.hint", "L: pending extents"),
    h(
      "div.cells",
      { role: "img", "aria-label": `Pending: ${describe(extents)}` },
      extents.length ? cells(extents) : h("span.hint", "nothing"),
    ),
    h(
      "p.hint",
      state.has_buffer
        ? `Buffer: ${state.filled} filled of a capacity of ${state.capacity}${state.capacity < size ? `, the rest of ${size}` : ""}`
        : "No buffer",
    ),
    h(
      "div.cells",
      { role: "img", "aria-label": `Buffer: ${state.filled} of ${state.capacity} bytes filled` },
      filled,
      free,
    ),
    h("p.hint.mono", `C = ${state.capacity}   E = ${state.filled}   Z = ${state.pending}`),
  );
}

/**
 * @param {{ call: SinkCall, step: number }[]} puts
 * @param {number} now
 * @param {number} size
 * @param {boolean} trim
 */
function putList(puts, now, size, trim) {
  if (!puts.length) return h("p.hint", "nothing yet");
  const rows = puts.map(({ call, step }) => {
    if (call.kind !== "put")
      return h("li", h("span.hint", call.kind === "flush" ? "the sink's flush" : "the sink's close"));
    const failed = call.failed !== null ? ` · failed after ${call.failed}` : "";
    const isTooLong = trim && call.len > size;
    return h(
      "li",
      { className: step === now ? "now" : "" },
      h(
        "span.cells",
        { role: "img", "aria-label": `A put of ${describe(call.extents)}` },
        cells(call.extents),
      ),
      h("span.hint", `${call.len}${isTooLong ? ` > ${size}` : ""}${failed}`),
    );
  });
  return h("ol.puts", rows);
}

/** @param {Frame} frame */
function verdicts(frame) {
  return h(
    "ul.promises",
    { "aria-label": "The seven invariants" },
    frame.verdict.map(({ invariant, holds }) =>
      h(
        "li",
        { className: holds ? "holds" : "broken" },
        h("span", { "aria-hidden": "true" }, holds ? "✓ " : "✗ "),
        invariant.replace("_", "-"),
        h("span.visually-hidden", holds ? " holds" : " is broken"),
      ),
    ),
  );
}
