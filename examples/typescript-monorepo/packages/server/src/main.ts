import { JournalRepository, MemoryRepository } from "@acme/store";
import { pino } from "pino";
import { buildApp } from "./app.js";
import { readConfig } from "./config.js";

const config = readConfig(process.env);
const logger = pino({ level: config.logLevel, redact: ["req.headers.authorization"] });
const repository = config.journal ? await JournalRepository.open(config.journal) : new MemoryRepository();
if (!config.journal) logger.warn("STOCK_JOURNAL is not set: the stock is forgotten when the service ends");

const app = await buildApp({ repository, token: config.token, logger });
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    logger.info({ signal }, "closing");
    void app.close();
  });
}
await app.listen({ host: config.host, port: config.port });
