import { randomBytes } from "node:crypto";

/** Users and their passkeys, in memory. A user is {name, id}, id being the WebAuthn user handle in base64url. */
export class Store {
  #users = new Map();
  #passkeys = new Map();

  /** Adds a user, or returns undefined when the name is taken. */
  addUser(name) {
    if (this.#users.has(name)) return undefined;
    const user = { name, id: randomBytes(32).toString("base64url") };
    this.#users.set(name, user);
    return user;
  }

  user(name) {
    return this.#users.get(name);
  }

  /** Adds a passkey, or returns false when its id belongs to anybody already (WebAuthn L3 §7.1 step 26). */
  addPasskey(passkey) {
    if (this.#passkeys.has(passkey.id)) return false;
    this.#passkeys.set(passkey.id, passkey);
    return true;
  }

  passkey(id) {
    return this.#passkeys.get(id);
  }

  removePasskey(id) {
    this.#passkeys.delete(id);
  }

  passkeysOf(username) {
    return [...this.#passkeys.values()].filter((passkey) => passkey.username === username);
  }
}
