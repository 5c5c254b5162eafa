// An instance of a compiled module.
import { kindOf } from "./bytes.js";

/**
 * @template {{ load: (options: any) => Promise<object> }} G
 * @param {G} glue the functions of the instance
 * @param {WebAssembly.Module} compiled
 * @returns {Promise<{ glue: G, memory: WebAssembly.Memory }>}
 */
export async function instantiate(glue, compiled) {
  const exports = await glue.load({ module_or_path: compiled });
  const memory = Object.values(exports).find((exported) => kindOf(exported) === "WebAssembly.Memory");
  return { glue, memory };
}
