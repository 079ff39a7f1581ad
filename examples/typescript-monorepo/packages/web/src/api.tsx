import type { NewMovement } from "@acme/core";
import type { AcmeClient } from "@acme/sdk";
import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, type ReactNode } from "react";

const ClientContext = createContext<AcmeClient | null>(null);

export function ClientProvider({ client, children }: { client: AcmeClient; children: ReactNode }) {
  return <ClientContext value={client}>{children}</ClientContext>;
}

export function useClient(): AcmeClient {
  const client = useContext(ClientContext);
  if (!client) throw new Error("there is no ClientProvider above this component");
  return client;
}

/** The questions that the pages ask, each with the key under which its answer is kept. */
export const questions = {
  stock: (client: AcmeClient) =>
    queryOptions({ queryKey: ["stock"], queryFn: ({ signal }) => client.stock({ signal }) }),
  valuation: (client: AcmeClient) =>
    queryOptions({ queryKey: ["stock", "valuation"], queryFn: ({ signal }) => client.valuation({ signal }) }),
  reorder: (client: AcmeClient, windowDays: number) =>
    queryOptions({
      queryKey: ["stock", "reorder", windowDays],
      queryFn: ({ signal }) => client.reorder({ windowDays }, { signal }),
    }),
  warehouses: (client: AcmeClient) =>
    queryOptions({ queryKey: ["warehouses"], queryFn: ({ signal }) => client.warehouses({ signal }), staleTime: Infinity }),
};

/** Records a movement; every answer about the stock is asked for again. */
export function useRecord() {
  const client = useClient();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: ({ movement, key }: { movement: NewMovement; key: string }) => client.record(movement, { key }),
    onSuccess: () => queries.invalidateQueries({ queryKey: ["stock"] }),
  });
}
