import swagger from "@fastify/swagger";
import fastify, { type FastifyBaseLogger, type FastifyInstance } from "fastify";
import { jsonSchemaTransform, serializerCompiler, validatorCompiler, type ZodTypeProvider } from "fastify-type-provider-zod";
import { timingSafeEqual } from "node:crypto";
import { installErrorHandling, UnauthorizedError } from "./errors.js";
import { catalogRoutes } from "./routes/catalog.js";
import { movementRoutes } from "./routes/movements.js";
import { reportRoutes } from "./routes/reports.js";
import { StockService, type ServiceOptions } from "./service.js";

export interface AppOptions extends ServiceOptions {
  /** Where given, every request but the one for health must carry it. */
  token?: string | undefined;
  logger?: FastifyBaseLogger;
}

/** Builds the service without a port; `inject` and `listen` are the caller's. */
export async function buildApp(options: AppOptions): Promise<FastifyInstance> {
  const app = fastify(options.logger ? { loggerInstance: options.logger } : { logger: false })
    .withTypeProvider<ZodTypeProvider>()
    .setValidatorCompiler(validatorCompiler)
    .setSerializerCompiler(serializerCompiler);
  installErrorHandling(app);

  const service = new StockService(options);
  app.get("/health", async () => ({ status: "ok", movements: options.repository.movements().length }));
  app.addHook("onClose", () => options.repository.close());
  if (options.token) requireToken(app, options.token);

  await app.register(swagger, {
    openapi: { info: { title: "Acme stock", version: "1" } },
    transform: jsonSchemaTransform,
  });
  await app.register(
    async (v1) => {
      await v1.register(catalogRoutes(service));
      await v1.register(movementRoutes(service));
      await v1.register(reportRoutes(service));
      v1.get("/openapi.json", { schema: { hide: true } }, async () => app.swagger());
    },
    { prefix: "/v1" },
  );
  return app;
}

function requireToken(app: FastifyInstance, token: string): void {
  const expected = Buffer.from(`Bearer ${token}`);
  app.addHook("onRequest", async (request) => {
    if (request.url === "/health") return;
    const given = Buffer.from(request.headers.authorization ?? "");
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new UnauthorizedError("a valid token is missing");
    }
  });
}
