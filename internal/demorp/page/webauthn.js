// WebAuthn as this page uses it: options and credentials as JSON, for browsers that do not convert them themselves,
// and the methods that not every browser has.

export const publicKeyCredential = window.PublicKeyCredential;

// --- JSON (WebAuthn L3 §5.1.8 to §5.1.10) ----------------------------------------------------------------------------

function toBytes(text) {
  const base64 = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
}

function toText(buffer) {
  const binary = Array.from(new Uint8Array(buffer), (b) => String.fromCharCode(b)).join("");
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const withBytes = (descriptors) => descriptors.map((d) => ({ ...d, id: toBytes(d.id) }));

export function creationOptions(json) {
  if (publicKeyCredential.parseCreationOptionsFromJSON) return publicKeyCredential.parseCreationOptionsFromJSON(json);
  return {
    ...json,
    challenge: toBytes(json.challenge),
    user: { ...json.user, id: toBytes(json.user.id) },
    excludeCredentials: withBytes(json.excludeCredentials),
  };
}

export function requestOptions(json) {
  if (publicKeyCredential.parseRequestOptionsFromJSON) return publicKeyCredential.parseRequestOptionsFromJSON(json);
  return { ...json, challenge: toBytes(json.challenge), allowCredentials: withBytes(json.allowCredentials) };
}

export function credentialJSON(credential) {
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

// --- What the browser can do -----------------------------------------------------------------------------------------

// capabilities maps names such as conditionalGet to true or false. One that is missing is not known (§5.1.7).
export async function capabilities() {
  try {
    return (await publicKeyCredential?.getClientCapabilities?.()) ?? {};
  } catch {
    return {};
  }
}

export async function canAutofill() {
  return (await publicKeyCredential?.isConditionalMediationAvailable?.()) ?? false;
}

// --- What password managers are told (Signal API, §5.1.10) -----------------------------------------------------------

// signal calls one of the signal methods. Whether anybody listened is not for the page to know.
async function signal(method, options) {
  try {
    await publicKeyCredential?.[method]?.(options);
  } catch {
    // Nothing to do about it, and nothing to tell the visitor.
  }
}

// signalUnknown tells that a passkey that was offered does not exist here.
export const signalUnknown = (rpId, credentialId) => signal("signalUnknownCredential", { rpId, credentialId });

// signalAccepted tells which passkeys a signed-in user has: the others can be forgotten.
export const signalAccepted = (rpId, userId, allAcceptedCredentialIds) =>
  signal("signalAllAcceptedCredentials", { rpId, userId, allAcceptedCredentialIds });

// signalNames tells what a signed-in user is called now.
export const signalNames = (rpId, user) =>
  signal("signalCurrentUserDetails", { rpId, userId: user.id, name: user.username, displayName: user.displayName });
