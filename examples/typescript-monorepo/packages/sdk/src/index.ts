export * from "./client.js";
export * from "./errors.js";
export type { TransportOptions } from "./transport.js";
