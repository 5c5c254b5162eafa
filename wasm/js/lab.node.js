// As index.node.js: in Node the module is read from its file.
import "./index.node.js";

export * from "./lab.js";
