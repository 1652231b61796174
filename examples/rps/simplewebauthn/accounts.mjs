import { Router } from "express";

const isName = (value) => typeof value === "string" && value.trim() !== "" && value.length <= 64;

/** Starts a session under a new id, so that one planted before the sign-in is worth nothing afterwards. */
export function signIn(req, username) {
  return new Promise((resolve, reject) => {
    req.session.regenerate((err) => {
      if (err) return reject(err);
      req.session.username = username;
      resolve();
    });
  });
}

export function requireUser(req, res, next) {
  if (req.session.username) return next();
  res.status(401).json({ error: "not signed in" });
}

/** Sign-up, session and the passkeys of the signed-in user. */
export function accounts(store) {
  const router = Router();

  router.post("/signup", async (req, res, next) => {
    const { username } = req.body;
    if (!isName(username)) return res.status(400).json({ error: "username must be 1 to 64 characters" });
    if (!store.addUser(username)) return res.status(409).json({ error: "username is taken" });
    try {
      await signIn(req, username);
      res.status(201).json({ username });
    } catch (err) {
      next(err);
    }
  });

  router.get("/whoami", requireUser, (req, res) => res.json({ username: req.session.username }));

  router.post("/logout", (req, res, next) => {
    req.session.destroy((err) => (err ? next(err) : res.status(204).end()));
  });

  router.get("/passkeys", requireUser, (req, res) => {
    res.json(store.passkeysOf(req.session.username).map(view));
  });

  // Somebody else's passkey and one that never was get the same answer.
  const own = (req, res, next) => {
    const passkey = store.passkey(req.params.id);
    if (passkey?.username !== req.session.username) return res.status(404).json({ error: "no such passkey" });
    res.locals.passkey = passkey;
    next();
  };

  router.patch("/passkeys/:id", requireUser, own, (req, res) => {
    if (!isName(req.body.name)) return res.status(400).json({ error: "name must be 1 to 64 characters" });
    res.locals.passkey.name = req.body.name;
    res.json(view(res.locals.passkey));
  });

  router.delete("/passkeys/:id", requireUser, own, (req, res) => {
    store.removePasskey(req.params.id);
    res.status(204).end();
  });

  return router;
}

function view({ id, name, createdAt, counter, deviceType, backedUp, transports }) {
  return { id, name, createdAt, counter, deviceType, backedUp, transports };
}
