import { money, Movement, Product, Warehouse, type NewMovement } from "@acme/core";

export function product(changes: Partial<Product> = {}): Product {
  return Product.parse({
    sku: "BOLT-1042",
    name: "Hex bolt M8",
    category: "Fasteners",
    unit: "piece",
    price: money(12),
    leadTimeDays: 7,
    packSize: 50,
    tags: ["steel"],
    ...changes,
  });
}

export function warehouse(id = "berlin", changes: Partial<Warehouse> = {}): Warehouse {
  return Warehouse.parse({ id, name: `Warehouse ${id}`, country: "DE", ...changes });
}

type Body<K extends NewMovement["kind"]> = Partial<Omit<Extract<NewMovement, { kind: K }>, "kind">>;

export const newReceipt = (changes: Body<"receipt"> = {}): NewMovement => ({
  kind: "receipt",
  sku: "BOLT-1042",
  warehouse: "berlin",
  quantity: 10,
  unitCost: money(5),
  ...changes,
});

export const newShipment = (changes: Body<"shipment"> = {}): NewMovement => ({
  kind: "shipment",
  sku: "BOLT-1042",
  warehouse: "berlin",
  quantity: 1,
  order: "order-1",
  ...changes,
});

export const newTransfer = (changes: Body<"transfer"> = {}): NewMovement => ({
  kind: "transfer",
  sku: "BOLT-1042",
  from: "berlin",
  to: "porto",
  quantity: 1,
  ...changes,
});

/** Gives a movement what the service would give it. */
export function recorded(body: NewMovement, id: string, at: Date): Movement {
  return Movement.parse({ ...body, id, at: at.toISOString() });
}
