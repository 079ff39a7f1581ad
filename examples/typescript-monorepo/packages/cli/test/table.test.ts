import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { displayWidth, renderTable } from "../src/table.js";

describe("renderTable", () => {
  it("aligns and leaves no blanks behind", () => {
    const table = renderTable(
      [
        { name: "bolt", count: 5 },
        { name: "long name", count: 1200 },
      ],
      [
        { title: "N", value: (row) => row.count, align: "right" },
        { title: "NAME", value: (row) => row.name },
      ],
    );
    assert.equal(table, "   N  NAME\n   5  bolt\n1200  long name");
  });

  it("prints a head for no rows", () => {
    assert.equal(renderTable([], [{ title: "SKU", value: () => "" }]), "SKU");
  });

  it("counts columns, not characters", () => {
    assert.equal(displayWidth("Größe"), 5);
    assert.equal(displayWidth("Gro\u0308ße"), 5);
    assert.equal(displayWidth("ねじ"), 4);
  });
});
