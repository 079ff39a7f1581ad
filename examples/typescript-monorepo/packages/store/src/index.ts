export * from "./journal.js";
export * from "./memory.js";
export * from "./repository.js";
