// A relying party on Passport and passport-fido2-webauthn, both as they are: the page composes the options.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import express from "express";
import session from "express-session";
import { Passport } from "passport";
import { page } from "../page/serve.mjs";
import { ceremonies } from "./ceremonies.mjs";
import { passkeys } from "./passkeys.mjs";
import { Store } from "./store.mjs";

function relyingParty() {
  const store = new Store();
  const passport = new Passport();
  const app = express();
  app.disable("x-powered-by");
  app.use(page(new URL("./rp.mjs", import.meta.url)));
  app.use(express.json(), express.urlencoded({ extended: false }));
  app.use(
    session({
      secret: randomBytes(32).toString("hex"),
      resave: false,
      saveUninitialized: false,
      cookie: { httpOnly: true, sameSite: "lax" },
    }),
  );
  passport.serializeUser((user, done) => done(null, user.id.toString("base64url")));
  passport.deserializeUser((id, done) => done(null, store.user(id) ?? false));
  app.use(passport.session());
  app.use(ceremonies(passport, store));
  app.use(passkeys(store));
  app.use((req, res) => res.status(404).json({ ok: false, error: "no such page" }));
  // The strategy throws on anything it cannot parse; that ends the request here, not the process.
  app.use((err, req, res, next) => {
    const status = err.status ?? 500;
    if (status >= 500) console.error(`passport: ${req.method} ${req.path}: ${err.message}`);
    res.status(status).json({ ok: false, error: status >= 500 ? "internal error" : err.message });
  });
  return app;
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));

const server = createServer(relyingParty());
server.listen(Number(process.env.PORT ?? 8084), "127.0.0.1");
await once(server, "listening");
// Only printed: the strategy expects the origin that a request's Host header names.
const origin = process.env.ORIGIN ?? `http://localhost:${server.address().port}`;
console.log(`passport listening on ${origin}`);
