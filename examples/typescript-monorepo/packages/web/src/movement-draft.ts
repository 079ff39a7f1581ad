import { NewMovement, parseMoney } from "@acme/core";

/** What the fields of the form hold: text, as it was typed. */
export interface Draft {
  kind: "receipt" | "shipment" | "transfer";
  sku: string;
  quantity: string;
  warehouse: string;
  to: string;
  order: string;
  unitCost: string;
}

export const emptyDraft: Draft = {
  kind: "receipt",
  sku: "",
  quantity: "",
  warehouse: "",
  to: "",
  order: "",
  unitCost: "",
};

export type Errors = Partial<Record<keyof Draft, string>>;
export type DraftResult = { ok: true; movement: NewMovement } | { ok: false; errors: Errors };

const fieldOf: Record<string, keyof Draft> = { from: "warehouse" };

/** Turns the form into a movement, or into one message a field. */
export function readDraft(draft: Draft): DraftResult {
  const errors: Errors = {};
  const body: Record<string, unknown> = {
    kind: draft.kind,
    sku: draft.sku.trim().toUpperCase(),
    quantity: /^\d+$/.test(draft.quantity.trim()) ? Number(draft.quantity) : undefined,
  };
  if (draft.kind === "transfer") {
    body["from"] = draft.warehouse;
    body["to"] = draft.to;
  } else {
    body["warehouse"] = draft.warehouse;
  }
  if (draft.kind === "shipment") body["order"] = draft.order;
  if (draft.kind === "receipt") {
    try {
      body["unitCost"] = parseMoney(draft.unitCost);
    } catch (error) {
      errors.unitCost = (error as Error).message;
    }
  }

  const result = NewMovement.safeParse(body);
  if (result.success) return { ok: true, movement: result.data };
  for (const issue of result.error.issues) {
    const key = String(issue.path[0] ?? "kind");
    errors[fieldOf[key] ?? (key as keyof Draft)] ??= issue.message;
  }
  return { ok: false, errors };
}
