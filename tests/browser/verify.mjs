// SPDX-License-Identifier: Apache-2.0
// node verify.mjs PAGE [LANG [axe]]: opens verify.html from its file, or a page by its http address, hands it the files named on standard input (JSON, a list), and prints what a person
// is shown, as JSON: {verdict, ok, sentences, hit, lang, requests}. `axe` as the third argument adds the findings of axe-core.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.env.IU_MODULES, "package.json")); // where tests/run has put the npm packages
const { chromium } = require("playwright-core");
const [page_path, lang = "en", axe] = process.argv.slice(2);
const files = JSON.parse(readFileSync(0, "utf8"));
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  const context = await browser.newContext({ locale: lang, bypassCSP: axe === "axe" });
  const page = await context.newPage(), requests = [];
  page.on("request", (request) => requests.push(request.url()));
  page.on("dialog", (dialog) => dialog.dismiss());
  await page.goto(page_path.startsWith("http:") ? page_path : pathToFileURL(page_path).href);
  if (files.length) {
    await page.locator("#files").setInputFiles(files);
    await page.locator("#result[data-ok=true], #result[data-ok=false]").waitFor({ timeout: 20000 });
  }
  const told = await page.evaluate(() => ({
    verdict: document.querySelector("#verdict")?.textContent,
    ok: document.querySelector("#result")?.dataset.ok,
    sentences: [...document.querySelectorAll("#sentences li")].map((item) => item.innerText),
    hit: Boolean(globalThis.hit),
    lang: document.documentElement.lang,
  }));
  if (axe === "axe") {
    await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
    const found = await page.evaluate(() => globalThis.axe.run());
    told.checked = found.passes.length;
    told.findings = found.violations.filter((one) => ["serious", "critical"].includes(one.impact)).map((one) => `${one.id}: ${one.nodes[0].html}`);
  }
  console.log(JSON.stringify({ ...told, requests: requests.length }));
} finally {
  await browser.close();
}
