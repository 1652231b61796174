import {
  canAutofill, capabilities, creationOptions, credentialJSON, publicKeyCredential, requestOptions, signalAccepted, signalNames,
  signalUnknown,
} from "/webauthn.js";

const $ = (id) => document.getElementById(id);

// In the page's address, "autofill=off" keeps it from starting a ceremony by itself, and "timeout=2000" gives people two
// seconds for those they start.
const query = new URLSearchParams(location.search);
const automatic = query.get("autofill") !== "off";
const timeout = Number(query.get("timeout")) || undefined;

// --- The API ---------------------------------------------------------------------------------------------------------

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.status === 204) return null;
  const answer = await response.json();
  if (response.ok) return answer;
  throw Object.assign(new Error(answer.error.message), { status: response.status, code: answer.error.code });
}

// --- One thing at a time ---------------------------------------------------------------------------------------------

let turns = Promise.resolve();
let current = new AbortController();

// turn does what is asked for now after what was asked for before, whose ceremony it ends: browsers do one at a time.
function turn(work) {
  current.abort();
  current = new AbortController();
  const { signal } = current;
  const done = turns.then(() => work(signal));
  turns = done.catch(() => {});
  return done;
}

// locked runs work with one of the locks that the tabs of this site share.
const locked = (name, options, work) => (navigator.locks ? navigator.locks.request(name, options, work) : work(null));

// --- What the visitor sees -------------------------------------------------------------------------------------------

function say(message, bad = false) {
  const status = $("status");
  status.className = bad ? "bad" : "";
  status.textContent = message;
}

function explain(error) {
  switch (error.name) {
    case "AbortError":
      return "You cancelled the request.";
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

// act does what a visitor asked for, with the button out of reach meanwhile.
async function act(button, work) {
  button.disabled = true;
  try {
    await turn((signal) => {
      say("");
      return work(signal);
    });
  } catch (error) {
    if (error.status === 401 && !$("signed-in").hidden) await refresh();
    say(explain(error), true);
  } finally {
    button.disabled = false;
    offerAutofill();
  }
}

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
    return null;
  }
  $("who").textContent = who.user.displayName;
  $("user-name").value = who.user.username;
  $("display-name").value = who.user.displayName;
  await showPasskeys(who);
  return who;
}

// showPasskeys lists the passkeys and tells password managers about them, one list after the other. A list that was
// fetched while a passkey is being made may lack it, and telling would have the new passkey deleted. So such a list is
// shown only, and a passkey is made only when no list is on its way; making it ends with a list of its own.
const showPasskeys = (who) => locked("list", {}, () => locked("passkeys", { ifAvailable: true }, async (lock) => {
  const { passkeys } = await call("GET", "/api/passkeys");
  $("passkeys").replaceChildren(...passkeys.map(passkeyItem));
  $("no-passkeys").hidden = passkeys.length > 0;
  const used = passkeys.find((p) => p.id === who.passkey);
  $("how").textContent = `${who.user.username} · ` + (used ? `with the passkey “${used.name}”` : "without a passkey");
  if (lock) await signalAccepted(who.rpId, who.user.id, passkeys.map((p) => p.credentialId));
}));

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
  onSubmit(edit, async (data) => {
    await call("PATCH", `/api/passkeys/${passkey.id}`, { name: data.get("name").trim() });
    await refresh();
    document.getElementById(name.id)?.closest("li").querySelector(".rename").focus();
    say("Passkey renamed.");
  });
  onClick(part(".delete"), async () => {
    await call("DELETE", `/api/passkeys/${passkey.id}`);
    await refresh();
    $("passkeys-title").focus();
    say(`Passkey “${passkey.name}” deleted. It can no longer be used to sign in here.`);
  });
  return item;
}

// --- Ceremonies ------------------------------------------------------------------------------------------------------

// prompt asks for a passkey, with a button to give up meanwhile.
async function prompt(work) {
  if (!publicKeyCredential) throw new Error("This browser does not support passkeys.");
  $("waiting").hidden = false;
  try {
    return await work();
  } finally {
    $("waiting").hidden = true;
  }
}

async function signIn(signal, wish, how = {}) {
  const { publicKey } = await call("POST", "/api/login/options", { timeout, ...wish });
  const credential = await prompt(() => navigator.credentials.get({ publicKey: requestOptions(publicKey), signal, ...how }));
  await finishSignIn(credential, publicKey.rpId);
}

async function finishSignIn(credential, rpId) {
  try {
    const { user } = await call("POST", "/api/login/result", { credential: credentialJSON(credential) });
    await refresh();
    $("who-title").focus();
    say(`Signed in as ${user.username}.`);
  } catch (error) {
    if (error.code === "unknown_credential") await signalUnknown(rpId, credential.id);
    throw error;
  }
}

// addPasskey has a passkey made by ask, which gets the options.
async function addPasskey(name, wish, ask) {
  const passkey = await locked("passkeys", { mode: "shared" }, async () => {
    const { publicKey } = await call("POST", "/api/register/options", wish);
    const credential = await ask(publicKey);
    return (await call("POST", "/api/register/result", { name, credential: credentialJSON(credential) })).passkey;
  });
  await refresh();
  say(`Passkey “${passkey.name}” added.`);
}

// inBackground does what nobody asked for. That it comes to nothing is no news, unless the server says no.
function inBackground(work) {
  turn(work).catch((error) => error.status && say(explain(error), true));
}

let renewal;

// offerAutofill has the browser offer passkeys in the username field, where it can.
async function offerAutofill() {
  clearTimeout(renewal);
  if (!automatic || $("signed-out").hidden || !(await canAutofill())) return;
  inBackground(async (signal) => {
    const { publicKey } = await call("POST", "/api/login/options", {});
    signal.throwIfAborted();
    renewal = setTimeout(offerAutofill, publicKey.timeout * 0.8); // a fresh challenge before this one expires
    const answer = navigator.credentials.get({ publicKey: requestOptions(publicKey), mediation: "conditional", signal });
    $("autofill").hidden = false;
    const credential = await answer.finally(() => { $("autofill").hidden = true; });
    clearTimeout(renewal);
    await finishSignIn(credential, publicKey.rpId);
  });
}

// offerUpgrade has the browser add a passkey without asking, where it can: somebody just signed in without one.
async function offerUpgrade() {
  if (!automatic || !(await capabilities()).conditionalCreate) return;
  inBackground((signal) => addPasskey("", { mediation: "conditional" }, (publicKey) => {
    signal.throwIfAborted();
    return navigator.credentials.create({ publicKey: creationOptions(publicKey), mediation: "conditional", signal });
  }));
}

// --- Wiring ----------------------------------------------------------------------------------------------------------

const onClick = (button, work) => button.addEventListener("click", () => act(button, work));

function onSubmit(form, work) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form.querySelector("[type=submit]"), (signal) => work(new FormData(form), signal));
  });
}

$("cancel").addEventListener("click", () => current.abort());

onClick($("sign-in-passkey"), (signal) => signIn(signal, {}));

// Immediate mediation: at once with a passkey that is on this device, or not at all.
onClick($("sign-in-here"), async (signal) => {
  try {
    await signIn(signal, {}, { uiMode: "immediate" });
  } catch (error) {
    if (error.name !== "NotAllowedError") throw error;
    $("sign-in-username").focus();
    say("No passkey on this device was used. Type your username, or sign in with a passkey from elsewhere.");
  }
});

onSubmit($("sign-in"), (data, signal) => signIn(signal, { username: data.get("username").trim() }));

onSubmit($("sign-up"), async (data) => {
  const { user } = await call("POST", "/api/signup", {
    username: data.get("username").trim(),
    displayName: data.get("displayName").trim(),
  });
  $("sign-up").reset();
  await refresh();
  $("who-title").focus();
  say(`Welcome, ${user.displayName}. Now add a passkey.`);
  offerUpgrade();
});

onSubmit($("add-passkey"), async (data, signal) => {
  const wish = { timeout, hints: data.get("keep") ? [data.get("keep")] : [] };
  await addPasskey(data.get("name").trim(), wish, (publicKey) =>
    prompt(() => navigator.credentials.create({ publicKey: creationOptions(publicKey), signal })));
  $("add-passkey").reset();
});

onSubmit($("names"), async (data) => {
  await call("PATCH", "/api/user", { username: data.get("username").trim(), displayName: data.get("displayName").trim() });
  const who = await refresh();
  if (who) await signalNames(who.rpId, who.user);
  say("Your names are saved.");
});

onClick($("sign-out"), async () => {
  await call("POST", "/api/logout");
  await refresh();
  $("sign-in-title").focus();
  say("Signed out.");
});

async function showCapabilities() {
  const known = await capabilities();
  $("sign-in-here").hidden = !known.immediateGet;
  $("about-browser").hidden = Object.keys(known).length === 0;
  $("capabilities").replaceChildren(...Object.keys(known).sort().map((name) => {
    const item = document.createElement("li");
    item.textContent = `${known[name] ? "✓" : "✗"} ${name}`;
    item.className = known[name] ? "" : "hint";
    return item;
  }));
}

showCapabilities();
turn(refresh).finally(offerAutofill);
