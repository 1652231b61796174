import { randomBytes } from "node:crypto";
import { Router } from "express";
import WebAuthnStrategy from "passport-fido2-webauthn";

/**
 * The package's session store, checking in the same call stack. The package's own does so on the next
 * tick, where Express cannot catch what the strategy throws on malformed input, and the process dies.
 */
class ChallengeStore extends WebAuthnStrategy.SessionChallengeStore {
  verify(req, challenge, done) {
    const pending = req.session.webauthn;
    delete req.session.webauthn;
    if (!pending) return done(null, false, { message: "no ceremony was begun in this session" });
    if (!Buffer.from(pending.challenge, "base64url").equals(challenge)) {
      return done(null, false, { message: "challenge does not match" });
    }
    const { user } = pending;
    done(null, true, user ? { user: { ...user, id: Buffer.from(user.id, "base64url") } } : {});
  }
}

/** Finds the passkey of an assertion. */
const verify = (store) => (id, userHandle, done) => {
  const passkey = store.passkey(id);
  if (!passkey) return done(null, false, { message: "credential is not known" });
  if (!userHandle?.equals(passkey.user.id)) return done(null, false, { message: "user handle does not match" });
  done(null, passkey.user, passkey.publicKey);
};

/** Keeps a new passkey, and with the first one its user. */
const register = (store) => (user, id, publicKey, flags, signCount, transports, done) => {
  if (!user) return done(null, false, { message: "no registration was begun in this session" });
  if (store.passkey(id)) return done(null, false, { message: "credential is already registered" });
  let owner = store.user(user.id.toString("base64url"));
  if (!owner) {
    if (store.userByName(user.name)) return done(null, false, { message: "username is taken" });
    owner = user;
    store.addUser(owner);
  }
  const createdAt = new Date().toISOString();
  store.addPasskey({ id, user: owner, publicKey, name: "Passkey", createdAt, transports: transports ?? [] });
  done(null, owner);
};

/** The challenge endpoints and the one result endpoint of both ceremonies. */
export function ceremonies(passport, store) {
  const router = Router();
  const challenges = new ChallengeStore();
  passport.use(new WebAuthnStrategy({ store: challenges }, verify(store), register(store)));

  const begin = (req, res, next, user) => {
    challenges.challenge(req, user ? { user } : {}, (err, challenge) => {
      if (err) return next(err);
      const answer = { challenge: challenge.toString("base64url") };
      if (user) answer.user = { ...user, id: user.id.toString("base64url") };
      res.json(answer);
    });
  };

  router.post("/signup/public-key/challenge", (req, res, next) => {
    const { username, name } = req.body;
    if (typeof username !== "string" || username.trim() === "" || username.length > 64) {
      return res.status(400).json({ ok: false, error: "username must be 1 to 64 characters" });
    }
    if (store.userByName(username)) return res.status(409).json({ ok: false, error: "username is taken" });
    begin(req, res, next, { id: randomBytes(16), name: username, displayName: String(name ?? username) });
  });

  router.post("/passkeys/challenge", (req, res, next) => {
    if (!req.user) return res.status(401).json({ ok: false, error: "not signed in" });
    begin(req, res, next, req.user);
  });

  router.post("/login/public-key/challenge", (req, res, next) => begin(req, res, next));

  router.post(
    "/login/public-key",
    passport.authenticate("webauthn", { failWithError: true }),
    (req, res) => res.json({ ok: true, location: "/" }),
    (err, req, res, next) => {
      if (!(err.status >= 400 && err.status < 500)) return next(err);
      res.status(err.status).json({ ok: false, location: "/login" });
    },
  );

  return router;
}
