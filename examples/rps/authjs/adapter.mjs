import { randomUUID } from "node:crypto";

/** An Auth.js database adapter in memory: users, accounts, sessions and authenticators. */
export class MemoryAdapter {
  constructor() {
    const users = new Map();
    const sessions = new Map();
    const accounts = new Map();
    const authenticators = new Map();
    this.authenticators = authenticators;
    this.accounts = accounts;

    // Auth.js takes methods off the adapter one by one, so none of them may use `this`.
    Object.assign(this, {
      createUser: async (user) => put(users, "id", { ...user, id: randomUUID() }),
      getUser: async (id) => users.get(id) ?? null,
      getUserByEmail: async (email) => [...users.values()].find((user) => user.email === email) ?? null,
      getUserByAccount: async ({ providerAccountId }) => users.get(accounts.get(providerAccountId)?.userId) ?? null,
      updateUser: async (user) => Object.assign(users.get(user.id), user),
      linkAccount: async (account) => put(accounts, "providerAccountId", account),
      getAccount: async (providerAccountId) => accounts.get(providerAccountId) ?? null,
      createSession: async (session) => put(sessions, "sessionToken", session),
      getSessionAndUser: async (token) => {
        const session = sessions.get(token);
        return session ? { session, user: users.get(session.userId) } : null;
      },
      updateSession: async (session) => Object.assign(sessions.get(session.sessionToken), session),
      deleteSession: async (token) => void sessions.delete(token),
      // Auth.js counts on the unique key of a real table here: without one, registering a known credential id
      // with another public key would take over the account it belongs to.
      createAuthenticator: async (authenticator) => {
        if (authenticators.has(authenticator.credentialID)) throw new Error("credential is already registered");
        return put(authenticators, "credentialID", {
          ...authenticator,
          name: "Passkey",
          createdAt: new Date().toISOString(),
        });
      },
      getAuthenticator: async (id) => authenticators.get(id) ?? null,
      listAuthenticatorsByUserId: async (id) => [...authenticators.values()].filter(({ userId }) => userId === id),
      updateAuthenticatorCounter: async (id, counter) => Object.assign(authenticators.get(id), { counter }),
    });
  }

  /** Deletes an authenticator and the account that Auth.js keeps for each: left over, it would still name its user. */
  deleteAuthenticator({ credentialID, providerAccountId }) {
    this.authenticators.delete(credentialID);
    this.accounts.delete(providerAccountId);
  }
}

function put(table, key, row) {
  table.set(row[key], row);
  return row;
}
