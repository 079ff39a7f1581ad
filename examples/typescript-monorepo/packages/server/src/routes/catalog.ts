import { Product, ProductList, ProductQuery, searchProducts, Sku, Warehouse, WarehouseId } from "@acme/core";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { NotFoundError } from "../errors.js";
import type { StockService } from "../service.js";

const WarehouseList = z.object({ items: z.array(Warehouse) });

export function catalogRoutes(service: StockService): FastifyPluginAsyncZod {
  const { repository } = service;
  return async (app) => {
    app.get("/products", { schema: { querystring: ProductQuery, response: { 200: ProductList } } }, async (request) => {
      const hits = searchProducts(repository.products(), request.query.q ?? "");
      return { items: hits.map((hit) => hit.product) };
    });

    app.get(
      "/products/:sku",
      { schema: { params: z.object({ sku: Sku }), response: { 200: Product } } },
      async (request) => {
        const product = repository.product(request.params.sku);
        if (!product) throw new NotFoundError(`there is no product ${request.params.sku}`);
        return product;
      },
    );

    app.post("/products", { schema: { body: Product, response: { 201: Product } } }, async (request, reply) => {
      await repository.addProduct(request.body);
      return reply.code(201).send(request.body);
    });

    app.get("/warehouses", { schema: { response: { 200: WarehouseList } } }, async () => ({
      items: [...repository.warehouses()],
    }));

    app.put(
      "/warehouses/:id",
      { schema: { params: z.object({ id: WarehouseId }), body: Warehouse, response: { 200: Warehouse } } },
      async (request) => {
        const warehouse = { ...request.body, id: request.params.id };
        await repository.saveWarehouse(warehouse);
        return warehouse;
      },
    );
  };
}
