/** Users and their passkeys, in memory. A user is {id, name, displayName}, id being the user handle's bytes. */
export class Store {
  #users = new Map();
  #passkeys = new Map();

  /** Finds a user by handle in base64url. */
  user(id) {
    return this.#users.get(id);
  }

  userByName(name) {
    return [...this.#users.values()].find((user) => user.name === name);
  }

  addUser(user) {
    this.#users.set(user.id.toString("base64url"), user);
  }

  passkey(id) {
    return this.#passkeys.get(id);
  }

  addPasskey(passkey) {
    this.#passkeys.set(passkey.id, passkey);
  }

  removePasskey(id) {
    this.#passkeys.delete(id);
  }

  passkeysOf(user) {
    return [...this.#passkeys.values()].filter((passkey) => passkey.user === user);
  }
}
