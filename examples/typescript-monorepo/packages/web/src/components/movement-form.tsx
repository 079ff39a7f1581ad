import { useSuspenseQuery } from "@tanstack/react-query";
import { useId, useState, type ReactNode } from "react";
import { questions, useClient, useRecord } from "../api.js";
import { emptyDraft, readDraft, type Draft, type Errors } from "../movement-draft.js";

export function MovementForm() {
  const { data: warehouses } = useSuspenseQuery(questions.warehouses(useClient()));
  const [draft, setDraft] = useState<Draft>(emptyDraft);
  const [errors, setErrors] = useState<Errors>({});
  // One key for one draft: pressing the button twice records one movement.
  const [key, setKey] = useState(() => crypto.randomUUID());
  const record = useRecord();

  const change = (changes: Partial<Draft>) => {
    setDraft((previous) => ({ ...previous, ...changes }));
    setKey(crypto.randomUUID());
  };
  const submit = () => {
    const result = readDraft(draft);
    setErrors(result.ok ? {} : result.errors);
    if (!result.ok) return;
    record.mutate({ movement: result.movement, key }, { onSuccess: () => change({ ...emptyDraft, kind: draft.kind }) });
  };
  const field = (name: "sku" | "quantity" | "order" | "unitCost", label: string) => (
    <Field label={label} error={errors[name]}>
      {(id) => <input id={id} value={draft[name]} onChange={(event) => change({ [name]: event.target.value })} />}
    </Field>
  );
  const place = (name: "warehouse" | "to", label: string) => (
    <Field label={label} error={errors[name]}>
      {(id) => (
        <select id={id} value={draft[name]} onChange={(event) => change({ [name]: event.target.value })}>
          <option value="">Choose…</option>
          {warehouses.map((warehouse) => (
            <option key={warehouse.id} value={warehouse.id}>
              {warehouse.name}
            </option>
          ))}
        </select>
      )}
    </Field>
  );

  return (
    <form
      aria-label="Record a movement"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <Field label="What happened">
        {(id) => (
          <select id={id} value={draft.kind} onChange={(event) => change({ kind: event.target.value as Draft["kind"] })}>
            <option value="receipt">Goods came in</option>
            <option value="shipment">Goods went out</option>
            <option value="transfer">Goods moved</option>
          </select>
        )}
      </Field>
      {field("sku", "SKU")}
      {field("quantity", "Quantity")}
      {place("warehouse", draft.kind === "transfer" ? "From" : "Warehouse")}
      {draft.kind === "transfer" && place("to", "To")}
      {draft.kind === "shipment" && field("order", "Order")}
      {draft.kind === "receipt" && field("unitCost", "Cost of one")}
      <button disabled={record.isPending}>{record.isPending ? "Recording…" : "Record"}</button>
      {record.isError && <p role="alert">{record.error.message}</p>}
    </form>
  );
}

function Field({ label, error, children }: { label: string; error?: string | undefined; children: (id: string) => ReactNode }) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children(id)}
      {error && <em role="alert">{error}</em>}
    </div>
  );
}
