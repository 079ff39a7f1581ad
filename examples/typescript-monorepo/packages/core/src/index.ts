export * from "./api.js";
export * from "./catalog.js";
export * from "./errors.js";
export * from "./ledger.js";
export * from "./money.js";
export * from "./movement.js";
export * from "./reorder.js";
export * from "./valuation.js";
