import { chromium } from "playwright-core";
import { authenticator, play } from "./peer.mjs";

let match, browser;

await play({
  async start(m) {
    match = m;
    browser = await chromium.launch({ executablePath: m.browser, chromiumSandbox: !m.noSandbox });
    return browser.version();
  },
  async open() {
    const context = await browser.newContext();
    const page = await context.newPage();
    await authenticator(await context.newCDPSession(page));
    await page.goto(match.page, { waitUntil: "domcontentloaded" });
    if (match.hidden) await page.bringToFront(); // it has a window, and create() wants it in front
    return { evaluate: (script) => page.evaluate(script), leave: () => context.close() };
  },
  async stop() {
    await browser?.close();
  },
});
