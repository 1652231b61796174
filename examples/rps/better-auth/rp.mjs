// The requests of this relying party, for the page in ../page. It runs in the browser.
import { call, create, get } from "/page/wire.mjs";

const api = "/api/auth";

export const title = "better-auth on Node";
export const account = { label: "E-mail", email: true, password: true };
export const namesPasskeys = true;

export const whoami = async () => (await call("GET", `${api}/get-session`))?.user.email ?? null;

export async function signUp(email, password) {
  await call("POST", `${api}/sign-up/email`, { json: { email, password, name: email } });
}

export async function addPasskey(name) {
  const response = await create(await call("GET", `${api}/passkey/generate-register-options`));
  await call("POST", `${api}/passkey/verify-registration`, { json: { name: name || "Passkey", response } });
}

export async function signIn() {
  const response = await get(await call("GET", `${api}/passkey/generate-authenticate-options`));
  await call("POST", `${api}/passkey/verify-authentication`, { json: { response } });
}

export async function signOut() {
  await call("POST", `${api}/sign-out`, { json: {} });
}

export const passkeys = () => call("GET", `${api}/passkey/list-user-passkeys`);
export const rename = (id, name) => call("POST", `${api}/passkey/update-passkey`, { json: { id, name } });
export const remove = (id) => call("POST", `${api}/passkey/delete-passkey`, { json: { id } });
