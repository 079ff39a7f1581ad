import { Movement, MovementPage, MovementQuery, NewMovement } from "@acme/core";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import type { StockService } from "../service.js";

const Key = z.object({ "idempotency-key": z.string().min(8).max(100).optional() });

export function movementRoutes(service: StockService): FastifyPluginAsyncZod {
  return async (app) => {
    app.get(
      "/movements",
      { schema: { querystring: MovementQuery, response: { 200: MovementPage } } },
      async (request) => service.repository.search(request.query),
    );

    app.post(
      "/movements",
      { schema: { headers: Key, body: NewMovement, response: { 200: Movement, 201: Movement } } },
      async (request, reply) => {
        const { movement, created } = await service.record(request.body, request.headers["idempotency-key"]);
        return reply.code(created ? 201 : 200).send(movement);
      },
    );
  };
}
