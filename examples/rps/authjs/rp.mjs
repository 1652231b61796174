// The requests of this relying party, for the page in ../page. It runs in the browser.
import { call, create, get } from "/page/wire.mjs";

export { passkeys, remove, rename } from "/page/passkeys.mjs";

export const title = "Auth.js on Express";
export const account = { label: "E-mail", email: true, signsIn: true };

export const whoami = async () => (await call("GET", "/auth/session"))?.user.email ?? null;

/** The account is made along with its first passkey. */
export async function signUp(email) {
  await register({ email });
  return "Passkey added";
}

export const addPasskey = () => register({});

async function register(who) {
  const options = await begin("register", who);
  // Auth.js sends the handle as plain text; its bytes are what the authenticator keeps.
  options.user.id = btoa(options.user.id).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  await finish("register", await create(options));
}

export async function signIn(email) {
  const options = await begin("authenticate", email === undefined ? {} : { email });
  await finish("authenticate", await get(options));
}

export async function signOut() {
  await submit("/auth/signout", {});
}

async function begin(action, who) {
  const query = new URLSearchParams({ action, ...who });
  return (await call("GET", `/auth/webauthn-options/passkey?${query}`)).options;
}

async function finish(action, credential) {
  await submit("/auth/callback/passkey", { action, data: JSON.stringify(credential) });
}

/** Posts a form. The verdict is in the address that the answer sends the page to. */
async function submit(path, fields) {
  const { csrfToken } = await call("GET", "/auth/csrf");
  const { url } = await call("POST", path, {
    form: { ...fields, csrfToken, callbackUrl: "/" },
    headers: { "x-auth-return-redirect": "1" },
  });
  const error = new URL(url, location.href).searchParams.get("error");
  if (error) throw new Error(`The server said no: ${error}`);
}
