// A contender: carries out orders from standard input, one JSON line each, as protocol.go describes them.
// A driver has start(match), open(), which gives a visitor with evaluate(script) and leave(), and stop().
import { createInterface } from "node:readline";

export async function play(driver) {
  let match;
  const visitors = [];
  const user = (i) => `${match.user}-${i}`;
  const orders = {
    async start(order) {
      match = order;
      return { version: await driver.start(match) };
    },
    async open({ contexts }) {
      for (let i = 0; i < contexts; i++) {
        const visitor = await driver.open();
        await visitor.evaluate(`(${match.enroll})(${JSON.stringify(user(visitors.length))})`);
        visitors.push(visitor);
      }
      return {};
    },
    async login({ contexts, milliseconds, logins: most = Infinity }) {
      let logins = 0, started = 0;
      const failed = [];
      const began = performance.now();
      await Promise.all(visitors.slice(0, contexts).map(async (visitor, i) => {
        while (started < most && !(milliseconds && performance.now() - began >= milliseconds)) {
          started++;
          try {
            const who = await visitor.evaluate(match.login);
            if (who !== user(i)) failed.push(`"${who}" is signed in, not "${user(i)}"`);
          } catch (error) {
            failed.push(error.message);
          }
          logins++;
        }
      }));
      return { logins, failed, took: performance.now() - began };
    },
    async "set-up"({ contexts }) {
      const setups = [];
      for (let i = 0; i < contexts; i++) {
        const began = performance.now();
        const visitor = await driver.open();
        setups.push(performance.now() - began);
        await visitor.leave();
      }
      return { setups };
    },
    async stop() {
      await driver.stop();
      return {};
    },
  };
  for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    let reply;
    try {
      reply = await orders[order.do](order);
    } catch (error) {
      reply = { error: error.stack };
    }
    process.stdout.write(JSON.stringify(reply) + "\n");
  }
}

// authenticator gives a page one, by its DevTools session.
export async function authenticator(session) {
  await session.send("WebAuthn.enable");
  await session.send("WebAuthn.addVirtualAuthenticator", {
    options: {
      protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true,
      hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true,
    },
  });
}
