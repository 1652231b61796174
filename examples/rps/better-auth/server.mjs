// A relying party on better-auth and its passkey plugin, both as they are.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { passkey } from "@better-auth/passkey";
import { betterAuth } from "better-auth";
import { memoryAdapter } from "better-auth/adapters/memory";
import { toNodeHandler } from "better-auth/node";
import { page } from "../page/serve.mjs";

function relyingParty(origin) {
  const auth = betterAuth({
    appName: "better-auth on Node",
    baseURL: origin,
    secret: randomBytes(32).toString("hex"),
    database: memoryAdapter({ user: [], session: [], account: [], verification: [], passkey: [] }),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // The default logger writes to stdout, which is kept for the one line that says where the server is.
    logger: { log: (level, message) => console.error(`better-auth: ${level}: ${message}`) },
    plugins: [passkey({ rpID: new URL(origin).hostname, rpName: "better-auth on Node", origin })],
  });
  const handle = toNodeHandler(auth);
  const show = page(new URL("./rp.mjs", import.meta.url));
  return (req, res) => {
    if (req.url.startsWith("/api/auth/")) return handle(req, res);
    show(req, res, () => {
      res.writeHead(404, { "content-type": "application/json" }).end(`{"message":"no such page"}`);
    });
  };
}

for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(0));

const server = createServer();
server.listen(Number(process.env.PORT ?? 8082), "127.0.0.1");
await once(server, "listening");
// The origin is known only now: port 0 stands for any free one.
const origin = process.env.ORIGIN ?? `http://localhost:${server.address().port}`;
server.on("request", relyingParty(origin));
console.log(`better-auth listening on ${origin}`);
