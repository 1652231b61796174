import puppeteer from "puppeteer-core";
import { authenticator, play } from "./peer.mjs";

let match, browser;

await play({
  async start(m) {
    match = m;
    browser = await puppeteer.launch({
      executablePath: m.browser, headless: m.hidden ? true : "shell", pipe: true, args: m.noSandbox ? ["--no-sandbox"] : [],
    });
    return browser.version();
  },
  async open() {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    await authenticator(await page.createCDPSession());
    await page.goto(match.page, { waitUntil: "domcontentloaded" });
    if (match.hidden) await page.bringToFront(); // it has a window, and create() wants it in front
    return { evaluate: (script) => page.evaluate(script), leave: () => context.close() };
  },
  async stop() {
    await browser?.close();
  },
});
