package topics

const (
	specCreate = "WebAuthn L3 §5.1.3, https://www.w3.org/TR/webauthn-3/#sctn-createCredential"
	specBoth   = specCreate + " and §5.1.4, https://www.w3.org/TR/webauthn-3/#sctn-getAssertion"
)

// clientErrors are the errors that a client refuses a ceremony with: names of DOMExceptions, and TypeError.
func clientErrors() []Topic {
	return []Topic{
		{
			ID: "InvalidStateError", Kind: KindClient, Title: "this device already has a passkey for the account",
			What: "A registration was refused because the authenticator holds one of the credentials in excludeCredentials.",
			Why:  "It is what keeps a person from making a second passkey for the same account on the same device. A relying party that lists the account's credentials there does it right.",
			Fix:  "A test of a second registration on the same device should expect it: expect: {error: InvalidStateError}. Pages should tell the person that this device is set up already, and not show an error.",
			Spec: specCreate, See: []string{"refused"},
		},
		{
			ID: "NotAllowedError", Kind: KindClient, Title: "no passkey was used, for whichever reason",
			What: "The device has no credential for this RP ID that allowCredentials permits, the person or the client said no, or the time was over. Browsers use one name for all of these on purpose, so that pages learn nothing about what is on a device; passrig's message says which one it is.",
			Fix:  "Sign-in: was the passkey registered on this device, with the same RP ID, and is its id among allowCredentials? A discoverable login needs a discoverable credential: ask for residentKey: required at registration. Registration: does authenticatorSelection ask for an attachment that this device has?",
			Spec: specBoth, See: []string{"ConstraintError", "refused"},
		},
		{
			ID: "NotSupportedError", Kind: KindClient, Title: "no algorithm in common, or an extension in the wrong place",
			What: "pubKeyCredParams has no algorithm that the authenticator can use, or an extension was used in a way that it forbids, such as largeBlob.read at a registration.",
			Fix:  "Offer at least ES256 (-7) and RS256 (-257), and better EdDSA (-8) first: between them every authenticator has one.",
			Spec: specCreate + "; §5.8.5 on algorithms", See: []string{"refused"},
		},
		{
			ID: "ConstraintError", Kind: KindClient, Title: "the authenticator cannot do what is required",
			What: "A registration requires a discoverable credential (residentKey: required) or user verification (userVerification: required), and the authenticator can never do that.",
			Why:  "Security keys without a PIN, and old ones without memory for credentials, are such authenticators. Required shuts their owners out; preferred does not.",
			Fix:  "Ask for preferred where you can live without it, or tell people which authenticators they need.",
			Spec: specCreate, See: []string{"NotAllowedError"},
		},
		{
			ID: "SecurityError", Kind: KindClient, Title: "this origin may not use this RP ID",
			What: "The RP ID in the options is neither the origin's host nor a parent domain of it, or the origin may not use WebAuthn at all: it is not a secure context (https, or http on localhost), or its host is an IP address.",
			Why:  "The RP ID is what binds a passkey to a site. With a wrong one every browser refuses, for everybody.",
			Fix:  "Check the RP ID that the relying party is set up with, and target.origin. For a local test use http://localhost:PORT and not http://127.0.0.1:PORT. passrig doctor --origin URL compares the two.",
			Spec: "WebAuthn L3 §5.1.3 step 8, §13.4.9, https://www.w3.org/TR/webauthn-3/#relying-party-identifier", See: []string{"TypeError", "tls"},
		},
		{
			ID: "TypeError", Kind: KindClient, Title: "the options are malformed",
			What: "A required member of the options is missing or has the wrong type, or user.id does not have 1 to 64 bytes. A browser fails before it asks anybody.",
			Fix:  "Look at the options in the step's evidence. If they are right there, the adapter reads them wrongly: check its options and encoding.",
			Spec: "WebAuthn L3 §5.4, §5.5 and §5.1.8 (parseCreationOptionsFromJSON)", See: []string{"no-options", "SecurityError"},
		},
		{
			ID: "SyntaxError", Kind: KindClient, Title: "a bad credential id in the prf extension",
			What: "A key of prf.evalByCredential is empty, is not base64url, or is not the id of a credential in allowCredentials.",
			Fix:  "Use exactly the ids of allowCredentials as keys, as base64url without padding.",
			Spec: "WebAuthn L3 §10.1.4, https://www.w3.org/TR/webauthn-3/#prf-extension", See: []string{"NotSupportedError"},
		},
		{
			ID: "AbortError", Kind: KindClient, Title: "the ceremony was ended from outside",
			What: "The run was interrupted, or the step's time was over, while the client was at work.",
			Spec: specBoth, See: []string{"interrupted", "timeout"},
		},
		{
			ID: "UnknownError", Kind: KindClient, Title: "the authenticator itself failed",
			What: "Something went wrong inside the authenticator. With passrig's software authenticator that is a fault of passrig or of this machine, and worth a report.",
			Spec: specBoth, See: []string{"NotAllowedError"},
		},
	}
}
