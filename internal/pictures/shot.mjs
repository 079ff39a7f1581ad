// Takes a picture of a part of a page: node shot.mjs PAGE SELECTOR WIDTH light|dark FILE.webp
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const { chromium } = createRequire(new URL("../runpage/browsertest/package.json", import.meta.url))("playwright-core");
const [page, selector, width, colorScheme, file] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || "/usr/bin/chromium" });
const tab = await browser.newPage({ viewport: { width: Number(width), height: 900 }, colorScheme, deviceScaleFactor: 1.5 });
await tab.goto(pathToFileURL(resolve(page)).href);
const box = await tab.locator(selector).boundingBox(), margin = 16;
const clip = { x: box.x - margin, y: box.y - margin, width: box.width + 2 * margin, height: box.height + 2 * margin, scale: 1 };
const session = await tab.context().newCDPSession(tab);
const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 85, clip, captureBeyondViewport: true });
writeFileSync(file, Buffer.from(data, "base64"));
await browser.close();
