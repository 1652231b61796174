// Requests and ceremonies, as every rp.mjs needs them.

/** Sends a request and returns the JSON of its answer, or null if it has none. Any status but 2xx is thrown. */
export async function call(method, path, { json, form, headers = {} } = {}) {
  if (json !== undefined) headers = { ...headers, "content-type": "application/json" };
  const body = form ? new URLSearchParams(form) : JSON.stringify(json);
  const response = await fetch(path, { method, headers, body });
  const text = await response.text();
  const answer = text === "" ? null : JSON.parse(text);
  if (response.ok) return answer;
  const reason = answer?.error ?? answer?.message ?? `The server answered ${response.status}`;
  throw Object.assign(new Error(reason), { status: response.status });
}

/** Asks for something that only a signed-in user has: null for nobody. */
export async function ask(path) {
  try {
    return await call("GET", path);
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

/** Has the browser make a passkey. Options and credential are in the JSON form of WebAuthn L3 §5.1. */
export async function create(options) {
  const publicKey = support().parseCreationOptionsFromJSON(options);
  return (await navigator.credentials.create({ publicKey })).toJSON();
}

/** Has the browser sign with a passkey. */
export async function get(options) {
  const publicKey = support().parseRequestOptionsFromJSON(options);
  return (await navigator.credentials.get({ publicKey })).toJSON();
}

function support() {
  const { PublicKeyCredential } = window;
  if (PublicKeyCredential?.parseCreationOptionsFromJSON) return PublicKeyCredential;
  throw new Error("This browser does not support passkeys, or is too old.");
}
