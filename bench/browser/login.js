(async () => {
  const post = async (path, body) => (await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })).json();
  const { publicKey } = await post("/api/login/options", {});
  const credential = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  const { user } = await post("/api/login/result", { credential: credential.toJSON() });
  return user.username;
})()
