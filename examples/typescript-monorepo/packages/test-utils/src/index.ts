export * from "./builders.js";
export * from "./clock.js";
export * from "./fetch-stub.js";
export * from "./history.js";
export * from "./random.js";
