// What a visitor sees and does. rp.mjs knows how its relying party is spoken to.
import * as rp from "/page/rp.mjs";

const $ = (id) => document.getElementById(id);

/** Says how things stand, or what went wrong. */
function say(message, bad = false) {
  $("status").textContent = bad ? "" : message;
  $("alert").textContent = bad ? message : "";
  $("alert").hidden = !bad;
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

/** Does something, shows how things are then, and says what it came to. */
async function show(work) {
  say("");
  try {
    const message = await work();
    const who = await refresh();
    say(message ?? (who === null ? "Signed out" : `Signed in as ${who}`));
  } catch (error) {
    say(explain(error), true);
  }
}

/** Does what a visitor asked for by a button, which is out of reach meanwhile. If it is gone then, focus moves on. */
async function act(button, work) {
  const listed = $("passkeys").contains(button);
  const focused = document.activeElement === button;
  button.disabled = true;
  await show(work);
  button.disabled = false;
  if (focused && button.checkVisibility()) button.focus();
  if (button.checkVisibility()) return;
  $(listed ? "passkeys-title" : $("signed-in").hidden ? "title" : "who").focus();
}

/** Shows who is signed in, as the server sees it. */
async function refresh() {
  const who = await rp.whoami();
  $("passkeys").replaceChildren(...(who === null ? [] : await rp.passkeys()).map(passkeyItem));
  $("no-passkeys").hidden = $("passkeys").children.length > 0;
  $("who").textContent = who ?? "";
  $("signed-out").hidden = who !== null;
  $("signed-in").hidden = who === null;
  return who;
}

function passkeyItem({ id, name }) {
  const item = $("passkey").content.cloneNode(true).firstElementChild;
  const part = (selector) => item.querySelector(selector);
  part(".name").textContent = name || "Passkey";
  part(".name").id = `passkey-${id}`;
  for (const button of [part(".rename"), part(".delete")]) button.setAttribute("aria-describedby", `passkey-${id}`);

  const edit = part(".edit");
  const toggle = (editing) => {
    edit.hidden = !editing;
    part(".view").hidden = editing;
    edit.elements.name.value = name || "Passkey";
    (editing ? edit.elements.name : part(".rename")).focus();
  };
  part(".rename").addEventListener("click", () => toggle(true));
  part(".cancel").addEventListener("click", () => toggle(false));
  onSubmit(edit, async (data) => {
    await rp.rename(id, data.get("name").trim());
    return "Passkey renamed";
  });
  part(".delete").addEventListener("click", (event) => act(event.currentTarget, async () => {
    await rp.remove(id);
    return "Passkey deleted";
  }));
  return item;
}

function onSubmit(form, work) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(event.submitter, () => work(new FormData(form), event.submitter));
  });
}

onSubmit($("account-form"), async (data, button) => {
  const account = data.get("account").trim();
  const message = button.id === "sign-in" ? await rp.signIn(account) : await rp.signUp(account, data.get("password"));
  $("account-form").reset();
  return message;
});

$("sign-in-passkey").addEventListener("click", (event) => act(event.currentTarget, () => rp.signIn()));

$("sign-out").addEventListener("click", (event) => act(event.currentTarget, rp.signOut));

onSubmit($("add-passkey"), async (data) => {
  await rp.addPasskey(data.get("name").trim());
  $("add-passkey").reset();
  return "Passkey added";
});

document.title = $("title").textContent = rp.title;
$("account-label").textContent = rp.account.label;
if (rp.account.email) $("account").type = "email";
if (!rp.account.signsIn) $("sign-in").remove(); // hidden, it would still be what Enter presses
$("password-field").hidden = !rp.account.password;
$("password").required = Boolean(rp.account.password);
$("name-field").hidden = !rp.namesPasskeys;
show(async () => {});
