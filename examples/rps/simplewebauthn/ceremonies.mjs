import { createHmac, randomBytes } from "node:crypto";
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { Router } from "express";
import { requireUser, signIn } from "./accounts.mjs";

const timeout = 300_000;

/** COSE algorithms offered, best first: EdDSA ES256 RS256, then what else the package verifies (not SHA-1). */
export const algorithms = [-8, -7, -257, -35, -36, -37, -38, -39, -258, -259];

/** Takes the pending ceremony out of the session: a challenge is good for one answer, right or wrong. */
function takePending(req, type) {
  const pending = req.session.pending;
  delete req.session.pending;
  if (pending?.type !== type) throw new Error(`no ${type} was begun in this session`);
  if (Date.now() > pending.expires) throw new Error("challenge has expired");
  return pending;
}

function setPending(req, type, challenge, extra) {
  req.session.pending = { type, challenge, expires: Date.now() + timeout, ...extra };
}

/** Answers a thrown refusal the way the package's own example does: 400 {"error"}. */
const answer = (verify) => async (req, res) => {
  try {
    res.json({ verified: await verify(req) });
  } catch (err) {
    res.status(400).json({ error: err.message });
  }
};

/** The two ceremonies in the shape of the package's own example, for many users. */
export function ceremonies(rp, store) {
  const router = Router();
  const decoys = randomBytes(32);

  // The credentials to allow for a name. A name without any gets a made-up one, always the same,
  // so that options do not tell who has an account (WebAuthn L3 §14.6.2).
  const allowed = (username) => {
    const passkeys = store.passkeysOf(username);
    if (passkeys.length > 0) return passkeys.map(({ id, transports }) => ({ id, transports }));
    return [{ id: createHmac("sha256", decoys).update(username).digest("base64url") }];
  };

  router.get("/generate-registration-options", requireUser, async (req, res, next) => {
    try {
      const user = store.user(req.session.username);
      const options = await generateRegistrationOptions({
        rpName: rp.name,
        rpID: rp.id,
        userName: user.name,
        userDisplayName: user.name,
        userID: Buffer.from(user.id, "base64url"),
        timeout,
        excludeCredentials: store.passkeysOf(user.name).map(({ id, transports }) => ({ id, transports })),
        authenticatorSelection: { residentKey: "required", userVerification: "preferred" },
        supportedAlgorithmIDs: algorithms,
      });
      setPending(req, "registration", options.challenge);
      res.json(options);
    } catch (err) {
      next(err);
    }
  });

  const register = async (req) => {
    const pending = takePending(req, "registration");
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: req.body,
      expectedChallenge: pending.challenge,
      expectedOrigin: rp.origin,
      expectedRPID: rp.id,
      requireUserVerification: false,
      supportedAlgorithmIDs: algorithms,
    });
    if (!verified) return false;
    const { credential, credentialDeviceType, credentialBackedUp } = registrationInfo;
    const added = store.addPasskey({
      ...credential,
      transports: credential.transports ?? [],
      username: req.session.username,
      name: "Passkey",
      createdAt: new Date().toISOString(),
      deviceType: credentialDeviceType,
      backedUp: credentialBackedUp,
    });
    if (!added) throw new Error("credential is already registered");
    return true;
  };
  router.post("/verify-registration", requireUser, answer(register));

  router.get("/generate-authentication-options", async (req, res, next) => {
    try {
      const username = typeof req.query.username === "string" ? req.query.username : undefined;
      const options = await generateAuthenticationOptions({
        rpID: rp.id,
        timeout,
        userVerification: "preferred",
        allowCredentials: username === undefined ? [] : allowed(username),
      });
      setPending(req, "authentication", options.challenge, { username });
      res.json(options);
    } catch (err) {
      next(err);
    }
  });

  const authenticate = async (req) => {
    const pending = takePending(req, "authentication");
    const passkey = store.passkey(req.body.id);
    if (!passkey || (pending.username !== undefined && passkey.username !== pending.username)) {
      throw new Error("credential is not known");
    }
    checkUserHandle(req.body.response?.userHandle, store.user(passkey.username).id, pending.username);
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: req.body,
      expectedChallenge: pending.challenge,
      expectedOrigin: rp.origin,
      expectedRPID: rp.id,
      requireUserVerification: false,
      credential: passkey,
    });
    if (!verified) throw new Error("signature does not match");
    passkey.counter = authenticationInfo.newCounter;
    passkey.backedUp = authenticationInfo.credentialBackedUp;
    await signIn(req, passkey.username);
    return true;
  };
  router.post("/verify-authentication", answer(authenticate));

  return router;
}

/** WebAuthn L3 §7.2 step 6: the user handle must be right, and may be missing only if a name was given beforehand. */
function checkUserHandle(userHandle, expected, username) {
  if (!userHandle && username !== undefined) return;
  if (userHandle !== expected) throw new Error("user handle does not match");
}
