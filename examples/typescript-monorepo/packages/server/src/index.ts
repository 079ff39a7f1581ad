export { buildApp, type AppOptions } from "./app.js";
export { readConfig, type Config } from "./config.js";
export { StockService, type ServiceOptions } from "./service.js";
