import type { AcmeClient } from "@acme/sdk";
import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Component, Suspense, type ReactNode } from "react";
import { ClientProvider } from "./api.js";
import { MovementForm } from "./components/movement-form.js";
import { ReorderPanel } from "./components/reorder-panel.js";
import { StockTable } from "./components/stock-table.js";
import { ValueChart } from "./components/value-chart.js";

export function App({ client, queries }: { client: AcmeClient; queries: QueryClient }) {
  return (
    <QueryClientProvider client={queries}>
      <ClientProvider client={client}>
        <h1>Stock room</h1>
        {[MovementForm, StockTable, ReorderPanel, ValueChart].map((Panel) => (
          <PanelBoundary key={Panel.name}>
            <Suspense fallback={<p className="loading">Loading…</p>}>
              <Panel />
            </Suspense>
          </PanelBoundary>
        ))}
      </ClientProvider>
    </QueryClientProvider>
  );
}

/** A panel that fails says so and leaves the others alone. */
class PanelBoundary extends Component<{ children: ReactNode }, { message: string | null }> {
  override state = { message: null as string | null };

  static getDerivedStateFromError(error: unknown) {
    return { message: error instanceof Error ? error.message : String(error) };
  }

  override render() {
    if (this.state.message === null) return this.props.children;
    return (
      <p role="alert">
        {this.state.message} <button onClick={() => this.setState({ message: null })}>Try again</button>
      </p>
    );
  }
}
