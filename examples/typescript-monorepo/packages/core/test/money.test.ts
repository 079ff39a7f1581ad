import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { add, allocate, formatMoney, money, parseMoney, sum, times } from "../src/money.js";

describe("money", () => {
  it("does not mix currencies", () => {
    assert.throws(() => add(money(100, "EUR"), money(100, "USD")), { code: "currency_mismatch" });
  });

  it("refuses a fraction of a cent", () => {
    assert.throws(() => money(0.5), { code: "invalid_money" });
  });

  it("rounds half away from zero", () => {
    assert.equal(times(money(25), 0.5).amount, 13);
    assert.equal(times(money(-25), 0.5).amount, -13);
  });

  it("allocates every cent", () => {
    for (const total of [100, 101, 7, 0, -100]) {
      const shares = allocate(money(total), [1, 1, 1]);
      assert.equal(sum(shares).amount, total);
    }
    assert.deepEqual(
      allocate(money(100), [1, 1, 1]).map((share) => share.amount),
      [34, 33, 33],
    );
  });

  it("reads what people write", () => {
    assert.deepEqual(parseMoney("12.5 EUR"), money(1250));
    assert.deepEqual(parseMoney("-0.07 USD"), money(-7, "USD"));
    assert.deepEqual(parseMoney(" 1200 JPY "), money(1200, "JPY"));
  });

  for (const text of ["12,50 EUR", "EUR 12", "12.505 EUR", "5.5 JPY", "12 XYZ", ""]) {
    it(`does not read ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseMoney(text), { code: "invalid_money" });
    });
  }

  it("prints the decimals of the currency", () => {
    assert.equal(formatMoney(money(123456)), "€1,234.56");
    assert.equal(formatMoney(money(1200, "JPY")), "JP¥1,200");
  });
});
