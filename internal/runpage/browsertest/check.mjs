// Looks at pages in Chromium, as browser_test.go says on standard input. Writes a line of JSON for each
// claim: {"claim": …, "fault": …}, the fault empty if it holds.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { chromium } from "playwright-core";

const input = JSON.parse(readFileSync(0, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: input.chromium });

const same = (got, want, what) => {
  if (JSON.stringify(got) !== JSON.stringify(want)) throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
};
const holds = (condition, what) => {
  if (!condition) throw new Error(what);
};

// claim opens a page and looks at it. What the page complains about is a fault, too.
async function claim(text, file, look, { width = 1280, colorScheme = "light" } = {}) {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
  const page = await context.newPage(), faults = [];
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && faults.push(m.text()));
  page.on("pageerror", (e) => faults.push(String(e)));
  page.on("request", (r) => r.url() !== pathToFileURL(file).href && faults.push("it requests " + r.url()));
  try {
    await page.goto(pathToFileURL(file).href);
    await look(page);
  } catch (e) {
    faults.push(String(e.message));
  }
  console.log(JSON.stringify({ claim: text, fault: faults.join("\n") }));
  await context.close();
}

const { short, compare, many, empty, long } = input;

await claim("opens without a request or a complaint", short, async (page) => {
  same(await page.title(), "build of shop", "title");
  same(await page.locator("h1").innerText(), "Build of shop failed", "heading");
  same(await page.evaluate(() => window.pwned), undefined, "a script in a name has run");
});

await claim("has nothing to show for an empty record", empty, async (page) => {
  holds((await page.locator("#summary").innerText()).includes("no measurements"), "it does not say so");
});

await claim("draws the numbers of the events", short, async (page) => {
  const start = Date.parse(input.start);
  const want = input.samples.map((s) => [(Date.parse(s.At) - start) / 1000, s.Usage, s.Budget]);
  // The second column is the highest stack: all that was used.
  same(await page.evaluate(() => chart.data[0].map((at, i) => [at, chart.data[1][i], chart.data[chart.data.length - 1][i]])), want, "at, usage, budget");
  // In each stack, the layer on top is the difference to the next one.
  same(await page.evaluate(() => columns().map((s, i, all) => usage.layers[s.layer].name + " " + (s.values[19] - (all[i + 1] ? all[i + 1].values[19] : 0)))).then((l) => l.at(-1)), "installation and heapmage itself " + 9 * 1048576, "the lowest layer");
  same(await page.locator("#tasks tbody tr").allInnerTexts().then((rows) => rows.map((r) => r.split(/\s+/).slice(0, 5).join(" ")).filter((r) => r.startsWith("web"))), ["web ✓ succeeded 500 MB"], "the row of web");
  await page.locator("#numbers summary").click();
  await page.locator("#numbers tbody tr").first().waitFor();
  same(await page.locator("#numbers tbody tr").count(), 20, "rows of the chart as a table");
});

await claim("sorts by a click and by the keyboard", short, async (page) => {
  const names = () => page.locator("#tasks tbody button.link").allInnerTexts().then((l) => l.map((n) => n.slice(0, 5)));
  const head = page.locator("#tasks th", { hasText: "Package" });
  await head.getByRole("button").click();
  same(await names(), ["</scr", "core", "docs", "icons", "web"], "by name");
  same(await head.getAttribute("aria-sort"), "ascending", "aria-sort");
  await page.keyboard.press("Enter");
  same(await names(), ["web", "icons", "docs", "core", "</scr"], "by name, downward");
  await page.locator("#tasks th", { hasText: "Time" }).getByRole("button").press("Space");
  same((await names())[0], "</scr", "by time");
});

await claim("shows all about a task that is chosen", short, async (page) => {
  await page.locator("#tasks button.link", { hasText: "web" }).click();
  const about = await page.locator("#chosen").innerText();
  for (const part of ["@shop/web#build", "Attempt 2", "paused for 1.50 s", "reserved 100 MB (history), heap limit 400 MB", "waited 1.00 s", ".heapmage/runs/1/logs/web.log", "Comes after\ncore", "Comes before\ndocs"])
    holds(about.includes(part), `no "${part}" in:\n${about}`);
});

await claim("is used with the keyboard alone", short, async (page) => {
  const whole = await page.evaluate(() => view[1] - view[0]);
  for (let n = 0; n < 20 && (await page.evaluate(() => document.activeElement.id)) !== "chart"; n++) await page.keyboard.press("Tab");
  holds((await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle)) === "solid", "the focus cannot be seen");
  await page.keyboard.press("+");
  same(await page.evaluate(() => (view[1] - view[0]).toFixed(6)), (whole / 2).toFixed(6), "a closer look");
  await page.keyboard.press("0");
  same(await page.evaluate(() => view), [0, whole], "the whole run");
  await page.keyboard.press("ArrowRight");
  holds(/of 500 MB/.test(await page.locator("#tip").innerText()), "the arrow tells no usage");
  for (let n = 0; n < 20 && (await page.evaluate(() => document.activeElement.id)) !== "lanes"; n++) await page.keyboard.press("Tab");
  await page.keyboard.press("ArrowDown");
  holds((await page.locator("#chosen h3").innerText()).startsWith("core"), "the arrow chooses no task");
  await page.keyboard.press("Escape");
  same(await page.locator("#chosen").innerText(), "", "nothing chosen");
});

await claim("looks closer where it is dragged over", short, async (page) => {
  const box = await page.locator("#chart .u-over").boundingBox();
  await page.mouse.move(box.x + box.width / 4, box.y + 50);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + 60, { steps: 4 });
  await page.mouse.up();
  same(await page.evaluate(() => view.map((s) => Math.round((100 * s) / whole[1]))), [25, 50], "the part that is shown, in percent");
  await page.locator("#reset").click();
  same(await page.evaluate(() => view.join() === whole.join()), true, "all again");
});

await claim("tells about an attempt under the pointer", short, async (page) => {
  await page.locator("#lanes").scrollIntoViewIfNeeded();
  const { left, width } = await page.evaluate(() => scale()), box = await page.locator("#lanes").boundingBox();
  await page.mouse.move(box.x + left + (width * 9.5) / 11.2, box.y + 4 + 22 * 2 + 10);
  holds(/web \(attempt 2 of 2\)\s+succeeded, 3\.00 s: from 8\.00 s to 11\.00 s/.test(await page.locator("#tip").innerText()), await page.locator("#tip").innerText());
});

await claim("compares two runs", compare, async (page) => {
  const rows = await page.locator("#totals tbody tr").allInnerTexts();
  holds(rows[1].split(/\t/).join("|") === "Peak|465 MB|930 MB|+465 MB (+100 %)", rows[1]);
  const first = await page.locator("#compare .box").nth(1).locator("tbody tr").allInnerTexts();
  holds(first[0].startsWith("web\t250 MB\t500 MB\t+250 MB (+100 %)\t3.00 s\t3.00 s\tsame"), first[0]);
  holds(await page.evaluate(() => chart.data.length === 1 + usage.layers.length + 3 + 1), "the chart lacks the other run");
});

await claim("draws no more of 5,000 tasks than is in sight", many, async (page) => {
  same(await page.evaluate(() => data.tasks.length), 5000, "tasks");
  holds((await page.evaluate(() => document.querySelectorAll("*").length)) < 1500, "too many elements");
  for (const mode of ["packed", "task"]) {
    await page.locator(`#modes [data-mode=${mode}]`).click();
    holds((await page.evaluate(() => canvas.height / devicePixelRatio)) <= 430, "the canvas is higher than its box");
  }
  same(await page.evaluate(() => rows.length), 5000, "rows");
  await page.locator("#filter").fill("package-4321");
  same(await page.locator("#tasks tbody tr").count(), 1, "rows that the filter leaves");
  await page.locator("#tasks button.link").click();
  holds(await page.evaluate(() => lanes.scrollTop > 50000), "the chosen one is not in sight");
  await page.locator("#filter").fill("");
  await page.locator("#tasks .more").click();
  same(await page.locator("#tasks tbody tr").count(), 530, "rows of the table");
});

await claim("is printed in the colours of paper", short, async (page) => {
  await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
  same(await page.evaluate(() => colour("page")), "#fff", "the page");
  await page.evaluate(() => dispatchEvent(new Event("afterprint")));
  holds((await page.pdf()).length > 10_000, "nothing is printed");
}, { colorScheme: "dark" });

await claim("breaks a name that is wider than the page", long, async (page) => {
  same(await page.evaluate(() => document.documentElement.scrollWidth), 320, "the page scrolls sideways: its width");
}, { width: 320 });

for (const width of [1280, 390])
  for (const colorScheme of ["light", "dark"])
    for (const [name, file] of [["a run", short], ["two runs", compare], ["many tasks", many]])
      await claim(`has no fault that axe finds: ${name}, ${width} wide, ${colorScheme}`, file, async (page) => {
        await page.locator("#numbers summary").click();
        await page.locator("#tasks button.link").first().click();
        await page.evaluate(() => scrollTo(0, 0));
        same(await page.evaluate(() => document.documentElement.scrollWidth), width, "the page scrolls sideways: its width");
        const session = await page.context().newCDPSession(page); // the page's policy allows no other script
        await session.send("Page.setBypassCSP", { enabled: true });
        await page.evaluate(axe);
        const { violations } = await page.evaluate(() => axe.run());
        same(violations.map((v) => `${v.id} (${v.impact}): ${v.nodes.map((n) => n.target).slice(0, 3).join(" ")}: ${v.nodes[0].failureSummary}`), [], "axe");
      }, { width, colorScheme });

await browser.close();
