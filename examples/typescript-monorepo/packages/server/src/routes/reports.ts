import { ReorderQuery, ReorderReport, StockReport, ValuationReport } from "@acme/core";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import type { StockService } from "../service.js";

export function reportRoutes(service: StockService): FastifyPluginAsyncZod {
  return async (app) => {
    app.get("/reports/stock", { schema: { response: { 200: StockReport } } }, async () => service.stock());
    app.get("/reports/valuation", { schema: { response: { 200: ValuationReport } } }, async () => service.valuation());
    app.get(
      "/reports/reorder",
      { schema: { querystring: ReorderQuery, response: { 200: ReorderReport } } },
      async (request) => service.reorder(request.query),
    );
  };
}
