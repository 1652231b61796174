import { getSession } from "@auth/express";
import { json, Router } from "express";

/** List, rename and delete for the signed-in user, which Auth.js leaves to the application. */
export function passkeys(config) {
  const { adapter } = config;
  const router = Router();

  router.use("/passkeys", json(), async (req, res, next) => {
    try {
      const session = await getSession(req, config);
      const user = session && (await adapter.getUserByEmail(session.user.email));
      if (!user) return res.status(401).json({ error: "not signed in" });
      res.locals.user = user;
      next();
    } catch (err) {
      next(err);
    }
  });

  router.get("/passkeys", async (req, res, next) => {
    try {
      res.json((await adapter.listAuthenticatorsByUserId(res.locals.user.id)).map(view));
    } catch (err) {
      next(err);
    }
  });

  // Somebody else's passkey and one that never was get the same answer.
  const own = async (req, res, next) => {
    try {
      const stored = Buffer.from(req.params.credentialID, "base64url").toString("base64");
      const passkey = await adapter.getAuthenticator(stored);
      if (passkey?.userId !== res.locals.user.id) return res.status(404).json({ error: "no such passkey" });
      res.locals.passkey = passkey;
      next();
    } catch (err) {
      next(err);
    }
  };

  router.patch("/passkeys/:credentialID", own, (req, res) => {
    const { name } = req.body;
    if (typeof name !== "string" || name.trim() === "" || name.length > 64) {
      return res.status(400).json({ error: "name must be 1 to 64 characters" });
    }
    res.locals.passkey.name = name;
    res.json(view(res.locals.passkey));
  });

  router.delete("/passkeys/:credentialID", own, (req, res) => {
    adapter.deleteAuthenticator(res.locals.passkey);
    res.status(204).end();
  });

  return router;
}

/** Auth.js keeps ids in standard base64 and transports as one comma-separated text; the wire has neither. */
function view({ credentialID, name, createdAt, counter, credentialDeviceType, credentialBackedUp, transports }) {
  return {
    id: Buffer.from(credentialID, "base64").toString("base64url"),
    name,
    createdAt,
    counter,
    deviceType: credentialDeviceType,
    backedUp: credentialBackedUp,
    transports: transports ? transports.split(",") : [],
  };
}
