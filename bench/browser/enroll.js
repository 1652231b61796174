async (username) => {
  const post = async (path, body) => {
    const response = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`);
    return response.json();
  };
  // Before the page knows who is signed in, it would tell the browser of a user without passkeys, which deletes this one.
  while (document.getElementById("signed-out").hidden) await new Promise((done) => setTimeout(done, 10));
  await post("/api/signup", { username });
  const { publicKey } = await post("/api/register/options", {});
  const credential = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
  await post("/api/register/result", { credential: credential.toJSON() });
  return username;
}
