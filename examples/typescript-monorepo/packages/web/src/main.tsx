import { AcmeClient, ApiError } from "@acme/sdk";
import { QueryClient } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "./app.js";

const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");

const client = new AcmeClient({ baseUrl: new URL("/v1", window.location.href).href });
const queries = new QueryClient({
  defaultOptions: {
    queries: { staleTime: 15_000, retry: (count, error) => count < 2 && !(error instanceof ApiError) },
  },
});

createRoot(root).render(
  <StrictMode>
    <App client={client} queries={queries} />
  </StrictMode>,
);
