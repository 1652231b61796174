import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { Router } from "express";
import { algorithms } from "./ceremonies.mjs";
import { Store } from "./store.mjs";

/** The FIDO Alliance's server conformance API: anybody may add a credential to any name, so it keeps its own users. */
export function fido(rp) {
  const router = Router();
  const store = new Store();

  // Every answer carries status and errorMessage; whatever goes wrong is the request's fault.
  const route = (path, handle) =>
    router.post(path, async (req, res) => {
      try {
        res.json({ status: "ok", errorMessage: "", ...(await handle(req)) });
      } catch (err) {
        res.status(400).json({ status: "failed", errorMessage: err.message || "refused" });
      }
    });

  route("/attestation/options", async (req) => {
    const { username, displayName, authenticatorSelection, attestation = "none", extensions } = req.body;
    requireText({ username, displayName });
    const user = store.user(username) ?? store.addUser(username);
    const options = await generateRegistrationOptions({
      rpName: rp.name,
      rpID: rp.id,
      userName: username,
      userDisplayName: displayName,
      userID: Buffer.from(user.id, "base64url"),
      attestationType: attestation,
      authenticatorSelection,
      extensions,
      excludeCredentials: store.passkeysOf(username).map(({ id, transports }) => ({ id, transports })),
      supportedAlgorithmIDs: algorithms,
    });
    const userVerification = authenticatorSelection?.userVerification;
    req.session.fido = { type: "attestation", challenge: options.challenge, username, userVerification };
    return options;
  });

  route("/attestation/result", async (req) => {
    const pending = take(req, "attestation");
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response: normalize(req.body),
      expectedChallenge: pending.challenge,
      expectedOrigin: rp.origin,
      expectedRPID: rp.id,
      requireUserVerification: pending.userVerification === "required",
      supportedAlgorithmIDs: algorithms,
    });
    if (!verified) throw new Error("attestation does not verify");
    if (!store.addPasskey({ ...registrationInfo.credential, username: pending.username })) {
      throw new Error("credential is already registered");
    }
  });

  route("/assertion/options", async (req) => {
    const { username, userVerification = "preferred", extensions } = req.body;
    requireText({ username });
    const passkeys = store.passkeysOf(username);
    if (passkeys.length === 0) throw new Error("user has no credentials");
    const options = await generateAuthenticationOptions({
      rpID: rp.id,
      userVerification,
      extensions,
      allowCredentials: passkeys.map(({ id, transports }) => ({ id, transports })),
    });
    req.session.fido = { type: "assertion", challenge: options.challenge, username, userVerification };
    return options;
  });

  route("/assertion/result", async (req) => {
    const pending = take(req, "assertion");
    const response = normalize(req.body);
    const passkey = store.passkey(response.id);
    if (passkey?.username !== pending.username) throw new Error("credential is not known");
    const userHandle = response.response?.userHandle;
    if (userHandle && userHandle !== store.user(passkey.username).id) throw new Error("user handle does not match");
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: pending.challenge,
      expectedOrigin: rp.origin,
      expectedRPID: rp.id,
      requireUserVerification: pending.userVerification === "required",
      credential: passkey,
    });
    if (!verified) throw new Error("signature does not match");
    passkey.counter = authenticationInfo.newCounter;
  });

  return router;
}

function take(req, type) {
  const pending = req.session.fido;
  delete req.session.fido;
  if (pending?.type !== type) throw new Error(`no ${type} was begun in this session`);
  return pending;
}

function requireText(members) {
  for (const [name, value] of Object.entries(members)) {
    if (typeof value !== "string" || value === "") throw new Error(`${name} must be a non-empty string`);
  }
}

/** The conformance API's samples leave rawId out and call the extension results getClientExtensionResults. */
function normalize({ getClientExtensionResults, ...credential }) {
  return { rawId: credential.id, clientExtensionResults: getClientExtensionResults ?? {}, ...credential };
}
