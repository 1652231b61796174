// A relying party on Auth.js with its passkey provider, both as they are, and list, rename and delete of our own.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import Passkey from "@auth/core/providers/passkey";
import { ExpressAuth } from "@auth/express";
import express from "express";
import { page } from "../page/serve.mjs";
import { MemoryAdapter } from "./adapter.mjs";
import { passkeys } from "./passkeys.mjs";

function relyingParty(origin) {
  const config = {
    basePath: "/auth",
    secret: randomBytes(32).toString("hex"),
    trustHost: true,
    adapter: new MemoryAdapter(),
    experimental: { enableWebAuthn: true },
    // relayingParty is how the package spells it; any other name is ignored and the Host header believed instead.
    providers: [Passkey({ relayingParty: { id: new URL(origin).hostname, name: "Auth.js on Express", origin } })],
    logger: {
      error: (err) => console.error(`authjs: ${err.type ?? err.name}: ${err.cause?.err?.message ?? err.message}`),
      // With every request it says that passkeys are experimental.
      warn: () => {},
    },
  };
  const app = express();
  app.disable("x-powered-by");
  app.use(page(new URL("./rp.mjs", import.meta.url)));
  app.use("/auth/*", ExpressAuth(config));
  app.use(passkeys(config));
  app.use((req, res) => res.status(404).json({ error: "no such page" }));
  app.use((err, req, res, next) => {
    const status = err.status ?? 500;
    if (status >= 500) console.error(`authjs: ${req.method} ${req.path}: ${err.message}`);
    res.status(status).json({ error: status >= 500 ? "internal error" : err.message });
  });
  return app;
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));

const server = createServer();
server.listen(Number(process.env.PORT ?? 8083), "127.0.0.1");
await once(server, "listening");
// The origin is known only now: port 0 stands for any free one.
const origin = process.env.ORIGIN ?? `http://localhost:${server.address().port}`;
server.on("request", relyingParty(origin));
console.log(`authjs listening on ${origin}`);
