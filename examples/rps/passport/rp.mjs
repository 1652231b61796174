// The requests of this relying party, for the page in ../page. It runs in the browser.
import { ask, call, create, get } from "/page/wire.mjs";

export { passkeys, remove, rename } from "/page/passkeys.mjs";

export const title = "Passport on Express";
export const account = { label: "Username" };

export const whoami = async () => (await ask("/whoami"))?.username ?? null;

/** The account is made along with its first passkey. */
export async function signUp(username) {
  await register(await call("POST", "/signup/public-key/challenge", { form: { username, name: username } }));
  return "Passkey added";
}

export const addPasskey = async () => register(await call("POST", "/passkeys/challenge"));

/** The server sends a challenge and a user; the rest of the options is the page's. */
async function register({ user, challenge }) {
  await finish(await create({
    rp: { id: location.hostname, name: title },
    user,
    challenge,
    pubKeyCredParams: [{ type: "public-key", alg: -7 }, { type: "public-key", alg: -257 }],
    authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification: "preferred" },
    attestation: "none",
  }));
}

export async function signIn() {
  const { challenge } = await call("POST", "/login/public-key/challenge");
  await finish(await get({ challenge, rpId: location.hostname, userVerification: "preferred" }));
}

export async function signOut() {
  await call("POST", "/logout");
}

const finish = (credential) => call("POST", "/login/public-key", { json: credential });
