// Checks of the numbers that a caller passes.
import { SealpackError, invalidArgument } from "./errors.js";
import { describe } from "./bytes.js";

/** @param {Record<string, number>} options */
export function atLeastOne(options) {
  for (const [name, value] of Object.entries(options)) {
    if (!Number.isInteger(value) || value < 1) {
      throw invalidArgument(`${name} must be a whole number of at least 1, not ${describe(value)}`);
    }
  }
}

/**
 * @param {number} position
 * @param {"item" | "record"} what
 * @param {number} count
 */
export function checkPosition(position, what, count) {
  if (typeof position !== "number" || !Number.isInteger(position)) {
    const whose = what === "item" ? "an item" : "a record";
    throw invalidArgument(`the position of ${whose} must be a whole number, not ${describe(position)}`);
  }
  if (position < 0 || position >= count) {
    throw new SealpackError("out-of-range", `no ${what} ${position}: the pack has ${count}, counted from 0`);
  }
}

/**
 * @param {number} start
 * @param {number} end
 * @param {number} count
 */
export function checkRange(start, end, count) {
  for (const bound of [start, end]) {
    if (!Number.isInteger(bound)) throw invalidArgument(`a position must be a whole number, not ${describe(bound)}`);
  }
  if (start < 0 || end < start || end > count) {
    throw new SealpackError("out-of-range", `no items ${start} to ${end}: the pack has ${count}, counted from 0`);
  }
}

/**
 * Checks positions, and groups their indices by the record of each.
 *
 * @param {number[]} positions
 * @param {number} count the number of items in the pack
 * @param {number} itemsPerRecord
 */
export function groupedByRecord(positions, count, itemsPerRecord) {
  /** @type {Map<number, number[]>} */
  const groups = new Map();
  for (let at = 0; at < positions.length; at += 1) {
    checkPosition(positions[at], "item", count);
    const number = Math.floor(positions[at] / itemsPerRecord);
    const group = groups.get(number);
    if (group) group.push(at);
    else groups.set(number, [at]);
  }
  return groups;
}
