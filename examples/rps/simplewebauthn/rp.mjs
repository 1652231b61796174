// The requests of this relying party, for the page in ../page. It runs in the browser.
import { ask, call, create, get } from "/page/wire.mjs";

export { passkeys, remove, rename } from "/page/passkeys.mjs";

export const title = "SimpleWebAuthn on Express";
export const account = { label: "Username", signsIn: true };

export const whoami = async () => (await ask("/whoami"))?.username ?? null;

export async function signUp(username) {
  await call("POST", "/signup", { json: { username } });
}

export async function addPasskey() {
  verified(await call("POST", "/verify-registration", {
    json: await create(await call("GET", "/generate-registration-options")),
  }));
}

export async function signIn(username) {
  const query = username === undefined ? "" : `?${new URLSearchParams({ username })}`;
  const options = await call("GET", `/generate-authentication-options${query}`);
  verified(await call("POST", "/verify-authentication", { json: await get(options) }));
}

export async function signOut() {
  await call("POST", "/logout");
}

function verified(answer) {
  if (!answer.verified) throw new Error("The credential was not believed");
}
