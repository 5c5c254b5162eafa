// The instance of a module that an open pack lives in, and moving to another one.
import { SealpackError } from "./errors.js";

/** @import { ReadGlue } from "./examine.js" */
/** @import { Instance } from "./modules.js" */
/** @import { PackHandle } from "../dist/read.js" */

/** An idle pack leaves an instance of the module with more memory than this, in bytes. */
const MAX_IDLE_MEMORY = 64 * 1024 * 1024;

/** Where one pack lives. */
export class Home {
  #instance;
  #handle;
  #needed;
  #reopened;
  /** Operations that use the handle. */
  #busy = 0;
  #renewing = false;

  /**
   * @param {Instance<ReadGlue>} instance
   * @param {PackHandle} handle
   * @param {number} needed bytes that the pack takes in any instance
   * @param {(glue: ReadGlue) => PackHandle} reopened returns a handle of the pack in another instance
   */
  constructor(instance, handle, needed, reopened) {
    this.#instance = instance;
    this.#handle = /** @type {PackHandle | null} */ (handle);
    this.#needed = needed;
    this.#reopened = reopened;
    this.#register();
  }

  get instance() {
    return this.#instance;
  }

  /** The module's handle; throws once the pack is closed. */
  get handle() {
    if (!this.#handle) throw new SealpackError("closed", "the pack is closed");
    return this.#handle;
  }

  /**
   * Marks the handle as used. While it is, the memory of its instance is not renewed.
   *
   * @returns {() => void} ends the use
   */
  acquire() {
    this.#busy += 1;
    return () => {
      this.#busy -= 1;
      this.renewIfLarge();
    };
  }

  /** Adds this to the list of the instance, which does not keep it alive. */
  #register() {
    if (typeof WeakRef === "function") this.#instance.packs.add(new WeakRef(this)); // workerd may lack it
  }

  /**
   * Moves the pack to a new instance of the module if the memory of this one
   * has grown: wasm never gives memory back, but a dropped instance does.
   */
  async renewIfLarge() {
    const movable = () => !this.#busy && this.#handle;
    const limit = Math.max(MAX_IDLE_MEMORY, 4 * this.#needed);
    const old = this.#instance;
    if (this.#renewing || !movable() || old.memory.buffer.byteLength <= limit) return;
    this.#renewing = true;
    try {
      const fresh = await old.module.replaced(old);
      if (!movable() || fresh === old || this.#instance !== old) return;
      this.moveTo(fresh);
    } catch {
      // Without memory for a second instance the pack stays where it is.
    } finally {
      this.#renewing = false;
    }
    for (const home of old.packs) home.deref()?.renewIfLarge();
    old.packs.clear();
  }

  /**
   * Moves the pack to another instance. Reads that were planned before stay in the old one.
   *
   * @param {Instance<ReadGlue>} instance
   */
  moveTo(instance) {
    if (!this.#handle) return;
    const handle = this.#reopened(instance.glue);
    this.#handle.free();
    this.#handle = handle;
    this.#instance = instance;
    this.#register();
  }

  /** @returns {boolean} whether the pack was open */
  close() {
    if (!this.#handle) return false;
    this.#handle.free();
    this.#handle = null;
    return true;
  }
}
