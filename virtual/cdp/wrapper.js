// Runs in every document before its own scripts, with the settings of a device as its argument. It
// tells Go about each ceremony, asks Go where a person or an authenticator of ours decides, and keeps
// out of the way otherwise: what Chrome does itself is called with the page's own arguments.
(settings) => {
  const channel = globalThis[settings.binding];
  if (!channel) return; // this document has its wrapper already
  delete globalThis[settings.binding];
  const send = (message) => channel(JSON.stringify(message));
  const now = () => performance.timeOrigin + performance.now();

  // --- What Go is told: when it asks, and when the document goes. Nothing is sent during a ceremony. ---

  const kept = 200; // of each; who wants more asks more often
  let entries = [];
  let ceremonies = [];
  const pending = new Map();
  const keep = (list, more) => [...list, ...more].slice(-kept);

  const epoch = (t) => (t ? performance.timeOrigin + t : 0);
  const request = (e) => ({
    url: e.name, kind: e.initiatorType, status: e.responseStatus,
    start: performance.timeOrigin + e.startTime, sent: epoch(e.requestStart), first: epoch(e.responseStart), end: epoch(e.responseEnd),
  });
  const carries = (e) => ["fetch", "xmlhttprequest", "navigation"].includes(e.initiatorType);
  const observer = new PerformanceObserver((batch) => { entries = keep(entries, batch.getEntries().filter(carries)); });
  observer.observe({ type: "resource", buffered: true });
  let arrived = false; // the document itself is a request too, over once it has been read
  const flush = () => {
    entries = keep(entries, observer.takeRecords().filter(carries));
    const [navigation] = performance.getEntriesByType("navigation");
    if (!arrived && navigation?.responseEnd > 0) {
      arrived = true;
      entries.unshift(navigation);
    }
    if (entries.length > 0 || ceremonies.length > 0 || pending.size > 0) {
      send({ type: "report", requests: entries.map(request), ceremonies: [...ceremonies, ...pending.values()].map((told) => told()) });
    }
    entries = [];
    ceremonies = [];
  };
  addEventListener("DOMContentLoaded", flush);
  addEventListener("beforeunload", flush); // with pagehide it is too late, nobody listens any more

  // --- Questions to Go ---

  const waiting = new Map();
  Object.defineProperty(globalThis, Symbol.for(settings.binding), {
    value: { flush, answer: (id, answer) => { waiting.get(id)?.(answer); waiting.delete(id); }, settings },
  });

  let last = 0;
  // ask resolves with Go's answer, or rejects as a browser would when the page gives up or runs out of time.
  const ask = (message, signal, timeout) => new Promise((resolve, reject) => {
    const drop = (reason) => {
      if (!waiting.delete(message.id)) return;
      send({ type: "drop", id: message.id });
      reject(reason);
    };
    const aborted = () => drop(signal.reason);
    const timer = timeout > 0
      ? setTimeout(() => drop(new DOMException("The operation either timed out or was not allowed.", "NotAllowedError")), timeout)
      : undefined;
    waiting.set(message.id, (answer) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", aborted);
      resolve(answer);
    });
    signal?.addEventListener("abort", aborted);
    send({ type: "ask", ...message });
  });

  // --- JSON of what pages and browsers pass around ---

  const text = (buffer) => {
    const view = ArrayBuffer.isView(buffer) ? new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength) : new Uint8Array(buffer);
    let binary = "";
    for (const byte of view) binary += String.fromCharCode(byte);
    return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  };
  const bytes = (value) => {
    try {
      return Uint8Array.from(atob(value.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0)).buffer;
    } catch {
      return new ArrayBuffer(0); // forged beyond what a buffer can carry; toJSON() has it as it is
    }
  };
  const plain = (value, depth = 0) => {
    if (value === null || typeof value !== "object") return typeof value === "function" ? undefined : value;
    if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) return text(value);
    if (depth > 12) return undefined;
    if (Array.isArray(value)) return value.map((v) => plain(v, depth + 1));
    const out = {};
    for (const key in value) out[key] = plain(value[key], depth + 1);
    return out;
  };
  const described = (f) => { try { return f(); } catch { return undefined; } };

  // --- Ceremonies ---

  if (!globalThis.CredentialsContainer || !globalThis.PublicKeyCredential) return; // not a secure context

  const exception = (e) => ({ name: String(e?.name ?? e), message: String(e?.message ?? "") });
  const failure = (name, message) => name === "TypeError" ? new TypeError(message) : new DOMException(message, name);

  const fixed = (prototype, values) => {
    const object = Object.create(prototype);
    for (const [key, value] of Object.entries(values)) Object.defineProperty(object, key, { value, enumerable: true, configurable: true });
    return object;
  };
  const extensionResults = (json) => {
    const results = structuredClone(json ?? {});
    for (const part of ["first", "second"]) {
      if (typeof results.prf?.results?.[part] === "string") results.prf.results[part] = bytes(results.prf.results[part]);
    }
    if (typeof results.largeBlob?.blob === "string") results.largeBlob.blob = bytes(results.largeBlob.blob);
    if (typeof results.getCredBlob === "string") results.getCredBlob = bytes(results.getCredBlob);
    return results;
  };
  const credential = (json) => {
    const r = json.response ?? {};
    const created = "attestationObject" in r;
    const response = created
      ? fixed(AuthenticatorAttestationResponse.prototype, {
        clientDataJSON: bytes(r.clientDataJSON), attestationObject: bytes(r.attestationObject),
        getTransports: () => [...(r.transports ?? [])],
        getAuthenticatorData: () => bytes(r.authenticatorData),
        getPublicKey: () => (r.publicKey ? bytes(r.publicKey) : null),
        getPublicKeyAlgorithm: () => r.publicKeyAlgorithm,
      })
      : fixed(AuthenticatorAssertionResponse.prototype, {
        clientDataJSON: bytes(r.clientDataJSON), authenticatorData: bytes(r.authenticatorData),
        signature: bytes(r.signature), userHandle: r.userHandle ? bytes(r.userHandle) : null,
      });
    return fixed(PublicKeyCredential.prototype, {
      id: json.id, rawId: bytes(json.rawId), type: json.type, response,
      authenticatorAttachment: json.authenticatorAttachment ?? null,
      getClientExtensionResults: () => extensionResults(json.clientExtensionResults),
      toJSON: () => structuredClone(json),
    });
  };

  const foreign = () => [...location.ancestorOrigins].some((origin) => origin !== location.origin);
  const here = () => ({
    origin: location.origin, host: location.hostname, topOrigin: foreign() ? [...location.ancestorOrigins].at(-1) : "",
  });

  const allowed = (kind) => document.featurePolicy?.allowsFeature(`publickey-credentials-${kind}`);

  // Rules of the document, which an authenticator behind it cannot know (WebAuthn L3 §5.10), and of
  // requests for what is at hand at once (uiMode "immediate"), as Chrome has them.
  const check = (kind, { publicKey, mediation, uiMode }) => {
    if (!allowed(kind)) throw failure("NotAllowedError", `The 'publickey-credentials-${kind}' feature is not enabled in this document.`);
    if (kind === "get" && uiMode === "immediate") {
      if (mediation === "conditional") throw failure("NotSupportedError", "Immediate uiMode is not compatible with conditional mediation");
      if (!navigator.userActivation.isActive) throw failure("NotAllowedError", "A user activation is required to request immediate credentials.");
      if (publicKey.allowCredentials?.length > 0) throw failure("NotAllowedError", "An allowCredentials is not allowed with immediate mediation.");
    }
    if (kind === "create" && foreign() && !navigator.userActivation.isActive) {
      throw failure("NotAllowedError", "A user activation is required to create a credential in a cross-origin iframe.");
    }
  };

  // A document has one request at a time: Chrome knows of those that it was handed, and here we know of
  // those that Go is asked about.
  let asking = false;
  let running = 0;
  const questions = new Set(); // about the client, by the names of the methods
  const askGo = async (message, signal, timeout) => {
    asking = true;
    try {
      const answer = await ask(message, signal, timeout);
      if (answer.error) throw failure(answer.error.name, answer.error.message);
      return answer;
    } finally {
      asking = false;
    }
  };

  // Chrome asks for an authenticator of the transports that the page lists and waits, for minutes, for one that
  // the person does not have. They say so, a moment later: what Chrome refuses anyhow it has refused by then.
  const patience = 300; // ms
  const givingUp = ([options, ...more]) => {
    const listed = described(() => [...options.publicKey.allowCredentials].map((c) => [...c.transports])) ?? [];
    const at = (transports) => transports.length === 0 || transports.some((t) => settings.transports.includes(t));
    if (listed.length === 0 || listed.some(at)) return [options, ...more];
    const person = new AbortController();
    setTimeout(() => person.abort(failure("NotAllowedError", "The person has no authenticator of the kind that the page asks for.")), patience);
    const signal = options.signal ? AbortSignal.any([options.signal, person.signal]) : person.signal;
    return [{ ...options, signal }, ...more];
  };

  for (const kind of ["create", "get"]) {
    const original = CredentialsContainer.prototype[kind];
    const perform = async (container, args, message) => {
      const { publicKey, mediation, signal } = args[0];
      signal?.throwIfAborted?.();
      if (asking) throw failure("OperationError", "A request is already pending.");
      const autofill = mediation === "conditional" && kind === "get";
      const timeout = autofill ? 0 : publicKey.timeout;
      if (settings.software) {
        check(kind, args[0]);
        return credential((await askGo(message(), signal, timeout)).response);
      }
      // What Chrome refuses anyhow needs no person.
      if ((settings.ask || autofill) && running === 0 && allowed(kind)) await askGo(message(), signal, timeout);
      running++;
      try {
        return await original.apply(container, kind === "get" && !autofill ? givingUp(args) : args);
      } finally {
        running--;
      }
    };
    const wrapped = {
      [kind](...args) {
        if (!args[0]?.publicKey) return original.apply(this, args);
        const id = ++last;
        const start = now();
        const { publicKey, mediation = "", uiMode = "" } = args[0];
        const before = [...questions];
        const message = () => ({
          id, kind, mediation, uiMode, questions: before, ...here(), options: described(() => plain(publicKey)) ?? {},
        });
        const record = (outcome) => {
          const end = now();
          pending.delete(id);
          ceremonies = keep(ceremonies, [() => ({ ...message(), start, end, ...outcome() })]);
        };
        pending.set(id, () => ({ ...message(), start }));
        const promise = perform(this, args, message);
        promise.then(
          (c) => record(() => ({ response: described(() => c.toJSON()) })),
          (e) => record(() => ({ error: exception(e) })),
        );
        return promise;
      },
    }[kind];
    Object.defineProperty(wrapped, "length", { value: 0 });
    CredentialsContainer.prototype[kind] = wrapped;
  }

  // --- What a page asks of the client beside ceremonies ---

  for (const name of ["signalUnknownCredential", "signalAllAcceptedCredentials", "signalCurrentUserDetails"]) {
    const original = PublicKeyCredential[name];
    if (!original) continue;
    const wrapped = {
      async [name](options) {
        const message = { type: "signal", id: ++last, name, ...here(), options: described(() => plain(options)) ?? {} };
        let refused;
        if (!settings.software) {
          await original.call(PublicKeyCredential, options).catch((error) => {
            refused = { error };
            message.error = exception(error);
          });
        }
        const answer = await new Promise((resolve) => {
          waiting.set(message.id, resolve);
          send(message);
        });
        if (refused) throw refused.error;
        if (answer.error) throw failure(answer.error.name, answer.error.message);
      },
    }[name];
    PublicKeyCredential[name] = wrapped;
  }
  const extensions = new Set(["credProps", "prf", "largeBlob", "credBlob", "getCredBlob", "minPinLength"]); // of package virtual's client
  if (settings.software) {
    PublicKeyCredential.isConditionalMediationAvailable = async () => true;
    PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable = async () => settings.platform;
    const capabilities = PublicKeyCredential.getClientCapabilities;
    if (capabilities) {
      PublicKeyCredential.getClientCapabilities = async () => ({
        ...Object.fromEntries(Object.entries(await capabilities.call(PublicKeyCredential)).map(([name, value]) => (
          [name, name.startsWith("extension:") ? extensions.has(name.slice(10)) : value]))),
        conditionalCreate: true, conditionalGet: true, hybridTransport: false, immediateGet: true, relatedOrigins: true,
        passkeyPlatformAuthenticator: settings.platform, userVerifyingPlatformAuthenticator: settings.platform,
      });
    }
  }
  for (const name of ["isConditionalMediationAvailable", "getClientCapabilities"]) {
    const original = PublicKeyCredential[name];
    if (!original) continue;
    PublicKeyCredential[name] = {
      async [name]() {
        questions.add(name);
        return original.call(PublicKeyCredential);
      },
    }[name];
  }
}
