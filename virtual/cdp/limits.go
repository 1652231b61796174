package cdp

// Road says what answers a device's ceremonies.
type Road string

// The roads.
const (
	RoadChrome   Road = "Chrome's virtual authenticator"
	RoadSoftware Road = "passrig's software authenticator"
)

// Limit is something that the two roads do differently.
type Limit struct {
	Topic            string
	Chrome, Software string // what happens there
	Serves           Road   // the road to take when it matters; empty if both do
}

// Limits lists the differences between the roads, as measured with Chromium 156.
func Limits() []Limit {
	return []Limit{
		{"algorithms", "ES256, EdDSA, RS256", "those and ES384, ES512, PS256", RoadSoftware},
		{"signature counter at registration", "always 1, then per credential", "as configured: 0, per credential or global", RoadSoftware},
		{"AAGUID", "01020304-0506-0708-0102-030405060708 (internal, cable, hybrid) or zeros", "as configured", RoadSoftware},
		{"attestation", "packed with a certificate, or fido-u2f", "none, packed-self, packed, fido-u2f", RoadSoftware},
		{"PRF secret of a copied credential", "stays behind: the copy answers without results", "travels", RoadSoftware},
		{"credBlob of a copied credential", "stays behind", "travels", RoadSoftware},
		{"conditional create (passkey upgrade)", "never completes", "answers", RoadSoftware},
		{"conditional get (autofill)", "answers after ThinkTime; waits when nothing fits", "answers after ThinkTime; waits when nothing fits", ""},
		{"more than three discoverable passkeys", "swapped in and out; keys kept in Go", "no limit", ""},
		{"which passkey the person picks", "SetChoice, else the newest (with two or more)", "SetChoice, else the newest", ""},
		{"forged responses", "wrong signature, UV or UP only", "any bytes (Tamper)", RoadSoftware},
		{"related origins (WebAuthn L3 §5.11)", "checked by Chrome", "fetched through Chrome, checked by passrig", ""},
		{"options of wrong types", "refused by Chrome's bindings", "refused by passrig's reading of the JSON", RoadChrome},
		{"uiMode immediate", "works with a user gesture", "works with a user gesture", ""},
		{"presence and verification switched later", "SetUserPresent, SetUserVerified", "SetUserPresent", RoadChrome},
		{"somebody comes back during a ceremony", "only autofill notices", "it goes on", RoadSoftware},
		{"client extensions appid, appidExclude, credProtect", "Chrome's", "not there, and getClientCapabilities() says so", RoadChrome},
		{"hints", "ignored for routing", "ignored", ""},
		{"Signal API", "acts on the stored passkeys", "acts on the stored passkeys", ""},
		{"permissions policy and cross-origin iframes", "checked by Chrome", "checked by the wrapper", ""},
	}
}
