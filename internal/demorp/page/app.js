const $ = (id) => document.getElementById(id);
const publicKeyCredential = window.PublicKeyCredential;
const autofillWanted = new URLSearchParams(location.search).get("autofill") !== "off";

// --- The API -----------------------------------------------------------------------------------------------------

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 204) return null;
  const answer = await response.json();
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.error.message), { status: response.status });
}

// --- WebAuthn JSON, for browsers that do not convert it themselves ---------------------------------------------------

function toBytes(text) {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

function toText(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const withBytes = (descriptors) => descriptors.map((d) => ({ ...d, id: toBytes(d.id) }));

function creationOptions(json) {
  if (publicKeyCredential.parseCreationOptionsFromJSON) return publicKeyCredential.parseCreationOptionsFromJSON(json);
  return {
    ...json,
    challenge: toBytes(json.challenge),
    user: { ...json.user, id: toBytes(json.user.id) },
    excludeCredentials: withBytes(json.excludeCredentials),
  };
}

function requestOptions(json) {
  if (publicKeyCredential.parseRequestOptionsFromJSON) return publicKeyCredential.parseRequestOptionsFromJSON(json);
  return { ...json, challenge: toBytes(json.challenge), allowCredentials: withBytes(json.allowCredentials) };
}

function credentialJSON(credential) {
  if (credential.toJSON) return credential.toJSON();
  const response = {};
  for (const member of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[member]) response[member] = toText(credential.response[member]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    response,
    authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

// --- What the visitor sees -------------------------------------------------------------------------------------------

function say(message, bad = false) {
  const status = $("status");
  status.className = bad ? "bad" : "";
  status.textContent = message;
}

function explain(error) {
  switch (error.name) {
    case "NotAllowedError":
      return "The request was cancelled or timed out. You can try again.";
    case "InvalidStateError":
      return "This authenticator already holds a passkey for your account.";
    case "SecurityError":
      return "The browser refuses passkeys for this address.";
    default:
      return error.message;
  }
}

// act runs one thing a visitor asked for, with its button out of reach meanwhile.
async function act(button, work) {
  button.disabled = true;
  say("");
  try {
    await work();
  } catch (error) {
    if (error.status === 401 && !$("signed-in").hidden) await refresh();
    say(explain(error), true);
  } finally {
    button.disabled = false;
  }
}

let rpId;
let userId;

// refresh shows who is signed in, as the server sees it.
async function refresh() {
  let who = null;
  try {
    who = await call("GET", "/api/whoami");
  } catch (error) {
    if (error.status !== 401) say(explain(error), true);
  }
  $("signed-out").hidden = who !== null;
  $("signed-in").hidden = who === null;
  if (who === null) {
    $("passkeys").replaceChildren();
    offerAutofill();
    return;
  }
  rpId = who.rpId;
  userId = who.user.id;
  $("who").textContent = who.user.displayName;
  await showPasskeys(who);
}

async function showPasskeys(who) {
  const { passkeys } = await call("GET", "/api/passkeys");
  $("passkeys").replaceChildren(...passkeys.map(passkeyItem));
  $("no-passkeys").hidden = passkeys.length > 0;
  if (who) {
    const used = passkeys.find((p) => p.id === who.passkey);
    $("how").textContent = `${who.user.username} · ` + (used ? `with the passkey “${used.name}”` : "without a passkey");
  }
  // Lets password managers forget passkeys that were deleted here (WebAuthn L3 §5.1.10).
  publicKeyCredential?.signalAllAcceptedCredentials?.({
    rpId,
    userId,
    allAcceptedCredentialIds: passkeys.map((p) => p.credentialId),
  })?.catch(() => {});
}

const day = (time) => new Date(time).toLocaleDateString(undefined, { dateStyle: "medium" });
const minute = (time) => new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

const algorithms = { "-7": "ES256", "-8": "EdDSA", "-35": "ES384", "-36": "ES512", "-37": "PS256", "-257": "RS256" };

function passkeyItem(passkey) {
  const item = $("passkey-template").content.cloneNode(true).firstElementChild;
  const part = (selector) => item.querySelector(selector);
  const name = part(".name");
  name.textContent = passkey.name;
  name.id = `passkey-${passkey.id}`;
  part(".facts").textContent =
    `Added ${day(passkey.createdAt)} · ` + (passkey.lastUsedAt ? `last used ${minute(passkey.lastUsedAt)}` : "never used");
  const badges = [passkey.backedUp ? "synced" : passkey.backupEligible ? "can sync" : "this device only"];
  badges.push(algorithms[passkey.algorithm] ?? `algorithm ${passkey.algorithm}`);
  if (passkey.cloneWarning) badges.push("may be cloned");
  part(".badges").replaceChildren(...badges.map((text) => {
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.textContent = text;
    return badge;
  }));
  for (const button of [part(".rename"), part(".delete")]) button.setAttribute("aria-describedby", name.id);

  const view = part(".passkey-view");
  const edit = part(".passkey-edit");
  const showEdit = (editing) => {
    view.hidden = editing;
    edit.hidden = !editing;
    edit.elements.name.value = passkey.name;
    (editing ? edit.elements.name : part(".rename")).focus();
    if (editing) edit.elements.name.select();
    say("");
  };
  part(".rename").addEventListener("click", () => showEdit(true));
  part(".cancel").addEventListener("click", () => showEdit(false));
  edit.addEventListener("keydown", (event) => event.key === "Escape" && showEdit(false));
  edit.addEventListener("submit", (event) => {
    event.preventDefault();
    act(edit.querySelector("[type=submit]"), async () => {
      await call("PATCH", `/api/passkeys/${passkey.id}`, { name: edit.elements.name.value.trim() });
      await refresh();
      document.getElementById(name.id)?.closest("li").querySelector(".rename").focus();
      say("Passkey renamed.");
    });
  });
  part(".delete").addEventListener("click", (event) => act(event.currentTarget, async () => {
    await call("DELETE", `/api/passkeys/${passkey.id}`);
    await refresh();
    $("passkeys-title").focus();
    say(`Passkey “${passkey.name}” deleted. It can no longer be used to sign in here.`);
  }));
  return item;
}

// --- Ceremonies ------------------------------------------------------------------------------------------------------

let autofill; // the pending request behind the username field; a browser allows one request at a time
let autofillTimer;

function stopAutofill() {
  clearTimeout(autofillTimer);
  autofill?.abort();
  autofill = undefined;
}

// offerAutofill has the browser offer passkeys in the username field, where it can.
async function offerAutofill() {
  stopAutofill();
  if (!autofillWanted || !(await publicKeyCredential?.isConditionalMediationAvailable?.())) return;
  const request = new AbortController();
  autofill = request;
  try {
    const { publicKey } = await call("POST", "/api/login/options", {});
    if (autofill !== request) return;
    autofillTimer = setTimeout(offerAutofill, publicKey.timeout * 0.8); // a fresh challenge before this one expires
    const credential = await navigator.credentials.get({
      publicKey: requestOptions(publicKey),
      mediation: "conditional",
      signal: request.signal,
    });
    if (autofill !== request) return;
    stopAutofill();
    await finishSignIn(credential);
  } catch (error) {
    if (error.status) say(explain(error), true);
  }
}

async function signIn(username) {
  if (!publicKeyCredential) throw new Error("This browser does not support passkeys.");
  stopAutofill();
  try {
    const { publicKey } = await call("POST", "/api/login/options", username ? { username } : {});
    await finishSignIn(await navigator.credentials.get({ publicKey: requestOptions(publicKey) }));
  } catch (error) {
    offerAutofill();
    throw error;
  }
}

async function finishSignIn(credential) {
  const { user } = await call("POST", "/api/login/result", { credential: credentialJSON(credential) });
  await refresh();
  $("who-title").focus();
  say(`Signed in as ${user.username}.`);
}

async function addPasskey(name) {
  if (!publicKeyCredential) throw new Error("This browser does not support passkeys.");
  const { publicKey } = await call("POST", "/api/register/options", {});
  const credential = await navigator.credentials.create({ publicKey: creationOptions(publicKey) });
  const { passkey } = await call("POST", "/api/register/result", { name, credential: credentialJSON(credential) });
  await refresh();
  say(`Passkey “${passkey.name}” added.`);
}

// --- Wiring ----------------------------------------------------------------------------------------------------------

function onSubmit(form, work) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form.querySelector("[type=submit]"), () => work(new FormData(form)));
  });
}

$("sign-in-passkey").addEventListener("click", (event) => act(event.currentTarget, () => signIn()));

onSubmit($("sign-in"), (data) => signIn(data.get("username").trim()));

onSubmit($("sign-up"), async (data) => {
  stopAutofill();
  const { user } = await call("POST", "/api/signup", {
    username: data.get("username").trim(),
    displayName: data.get("displayName").trim(),
  });
  $("sign-up").reset();
  await refresh();
  $("who-title").focus();
  say(`Welcome, ${user.displayName}. Now add a passkey.`);
});

onSubmit($("add-passkey"), async (data) => {
  await addPasskey(data.get("name").trim());
  $("add-passkey").reset();
});

$("sign-out").addEventListener("click", (event) => act(event.currentTarget, async () => {
  await call("POST", "/api/logout");
  await refresh();
  $("sign-in-title").focus();
  say("Signed out.");
}));

refresh();
