package checks

import (
	"context"
	"maps"
)

// completed adds what the relying party's own options say where the target declares nothing.
func (p Profile) completed(ctx context.Context, r *Rig, u *User) Profile {
	full := maps.Clone(p)
	if full == nil {
		full = make(Profile)
	}
	infer := func(member, value string) {
		if _, declared := full[member]; !declared && value != "" {
			full[member] = []string{value}
		}
	}
	if r.Offers(string(CanDiscoverable)) {
		infer("discoverable", "yes")
	}
	if r.Offers(string(CanLock)) {
		infer("can-lock", "yes")
	}
	creation, _, err := r.Options(ctx, opRegister, u.Session, u)
	if err != nil {
		return full
	}
	if attestation, ok := creation["attestation"].(string); !ok || attestation == "none" {
		infer("attestation", "none")
	}
	session := r.NewSession()
	defer r.cfg.Driver.Release(session)
	request, _, err := r.Options(ctx, r.loginOperation(), session, u)
	if err != nil {
		return full
	}
	if uv := uvOf(creation); uv == uvOf(request) {
		infer("uv", uv)
	}
	return full
}

// uvOf is the user verification that options ask for; "preferred" if they do not say (WebAuthn L3 §5.4.4, §5.5).
func uvOf(options map[string]any) string {
	holder := options
	if selection, ok := options["authenticatorSelection"].(map[string]any); ok {
		holder = selection
	}
	if uv, ok := holder["userVerification"].(string); ok && uv != "" {
		return uv
	}
	return "preferred"
}
