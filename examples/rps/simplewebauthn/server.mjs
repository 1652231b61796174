// A relying party on @simplewebauthn/server, the package as it is, with the FIDO conformance API under /fido.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import express from "express";
import session from "express-session";
import { page } from "../page/serve.mjs";
import { accounts } from "./accounts.mjs";
import { ceremonies } from "./ceremonies.mjs";
import { fido } from "./fido.mjs";
import { Store } from "./store.mjs";

function relyingParty(origin) {
  const rp = { origin, id: new URL(origin).hostname, name: "SimpleWebAuthn on Express" };
  const store = new Store();
  const app = express();
  app.disable("x-powered-by");
  app.use(page(new URL("./rp.mjs", import.meta.url)));
  app.use(
    session({
      secret: randomBytes(32).toString("hex"),
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: "lax" },
    }),
  );
  app.use(express.json());
  app.use("/fido", fido(rp));
  app.use(accounts(store));
  app.use(ceremonies(rp, store));
  app.use((req, res) => res.status(404).json({ error: "no such page" }));
  app.use((err, req, res, next) => {
    const status = err.status ?? 500;
    if (status >= 500) console.error(`simplewebauthn: ${req.method} ${req.path}: ${err.message}`);
    res.status(status).json({ error: status >= 500 ? "internal error" : err.message });
  });
  return app;
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));

const server = createServer();
server.listen(Number(process.env.PORT ?? 8081), "127.0.0.1");
await once(server, "listening");
// The origin is known only now: port 0 stands for any free one.
const origin = process.env.ORIGIN ?? `http://localhost:${server.address().port}`;
server.on("request", relyingParty(origin));
console.log(`simplewebauthn listening on ${origin}`);
