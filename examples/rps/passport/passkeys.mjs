import { Router } from "express";

/** Session and the passkeys of the signed-in user, which the package leaves to the application. */
export function passkeys(store) {
  const router = Router();

  const requireUser = (req, res, next) => {
    if (req.user) return next();
    res.status(401).json({ ok: false, error: "not signed in" });
  };

  router.get("/whoami", requireUser, (req, res) => res.json({ username: req.user.name }));

  router.post("/logout", (req, res, next) => {
    req.logout((err) => (err ? next(err) : res.status(204).end()));
  });

  router.get("/passkeys", requireUser, (req, res) => res.json(store.passkeysOf(req.user).map(view)));

  // Somebody else's passkey and one that never was get the same answer.
  const own = (req, res, next) => {
    const passkey = store.passkey(req.params.id);
    if (passkey?.user !== req.user) return res.status(404).json({ ok: false, error: "no such passkey" });
    res.locals.passkey = passkey;
    next();
  };

  router.patch("/passkeys/:id", requireUser, own, (req, res) => {
    const { name } = req.body;
    if (typeof name !== "string" || name.trim() === "" || name.length > 64) {
      return res.status(400).json({ ok: false, error: "name must be 1 to 64 characters" });
    }
    res.locals.passkey.name = name;
    res.json(view(res.locals.passkey));
  });

  router.delete("/passkeys/:id", requireUser, own, (req, res) => {
    store.removePasskey(req.params.id);
    res.status(204).end();
  });

  return router;
}

function view({ id, name, createdAt, transports }) {
  return { id, name, createdAt, transports };
}
