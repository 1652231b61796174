import { readFileSync } from "node:fs";

const types = { html: "text/html", css: "text/css", mjs: "text/javascript" };

/**
 * Serves the page at / and its files below /page. They are the same for all relying parties but for rp.mjs, the one
 * given, which knows the requests. What is not the page's goes on to next, as in Express.
 */
export function page(rp) {
  const file = (name, url = new URL(name, import.meta.url)) => ({
    type: `${types[name.split(".").at(-1)]}; charset=utf-8`,
    body: readFileSync(url),
  });
  const files = new Map([["/", file("index.html")], ["/page/rp.mjs", file("rp.mjs", rp)]]);
  for (const name of ["page.css", "page.mjs", "wire.mjs", "passkeys.mjs"]) files.set(`/page/${name}`, file(name));

  return (req, res, next) => {
    const found = files.get(req.url.split("?")[0]);
    if (!found || (req.method !== "GET" && req.method !== "HEAD")) return next();
    res.writeHead(200, {
      "content-type": found.type,
      "cache-control": "no-cache",
      "content-security-policy": "default-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
    });
    res.end(req.method === "HEAD" ? undefined : found.body);
  };
}
