import { formatMoney, parseMoney, type Product } from "@acme/core";
import type { Command } from "commander";
import { clientFor, show, type World } from "../context.js";
import { renderTable, type Column } from "../table.js";
import { wholeNumber } from "./numbers.js";

const productColumns: Column<Product>[] = [
  { title: "SKU", value: (product) => product.sku },
  { title: "NAME", value: (product) => product.name },
  { title: "PRICE", value: (product) => formatMoney(product.price), align: "right" },
  { title: "LEAD TIME", value: (product) => `${product.leadTimeDays} d`, align: "right" },
  { title: "TAGS", value: (product) => product.tags.join(", ") },
];

interface AddFlags {
  category: string;
  unit: Product["unit"];
  lead: number;
  pack: number;
  tag: string[];
}

export function addCatalogCommands(program: Command, world: World): void {
  program
    .command("find")
    .description("find products by SKU, name, category or tag")
    .argument("[words...]")
    .action(async (words: string[], _flags: object, command: Command) => {
      const client = await clientFor(command, world);
      const products = await client.products(words.length > 0 ? words.join(" ") : undefined);
      show(command, world, products, (rows) => (rows.length > 0 ? renderTable(rows, productColumns) : "Nothing found."));
    });

  program
    .command("add")
    .description("add a product to the catalogue")
    .argument("<sku>")
    .argument("<name>")
    .argument("<price>", 'such as "12.50 EUR"')
    .option("--category <category>", "category", "General")
    .option("--unit <unit>", "piece, box, metre, litre or kilogram", "piece")
    .option("--lead <days>", "days from order to receipt", wholeNumber, 7)
    .option("--pack <units>", "units in a pack of the supplier", wholeNumber, 1)
    .option("--tag <tag...>", "tags", [])
    .action(async (sku: string, name: string, price: string, flags: AddFlags, command: Command) => {
      const client = await clientFor(command, world);
      const product = await client.createProduct({
        sku,
        name,
        price: parseMoney(price),
        category: flags.category,
        unit: flags.unit,
        leadTimeDays: flags.lead,
        packSize: flags.pack,
        tags: flags.tag,
      });
      show(command, world, product, () => `Added ${product.sku}, ${product.name}.`);
    });

  program
    .command("warehouse")
    .description("add a warehouse, or change its name")
    .argument("<id>")
    .argument("<name>")
    .argument("<country>", "two letters")
    .action(async (id: string, name: string, country: string, _flags: object, command: Command) => {
      const client = await clientFor(command, world);
      const warehouse = await client.saveWarehouse({ id, name, country });
      show(command, world, warehouse, () => `Saved ${warehouse.id}, ${warehouse.name}.`);
    });
}
