package checks

import (
	"bytes"
	"context"
	"crypto/md5"  //nolint:gosec // to notice that somebody else uses it
	"crypto/sha1" //nolint:gosec // to notice that somebody else uses it
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/virtual"
)

// maxUserHandle is the largest user handle, in bytes (WebAuthn L3 §5.4.3).
const maxUserHandle = 64

func userOptionChecks() []*Check {
	return []*Check{
		{
			ID: "opt-user-id-length", Title: "A user handle of 1 to 64 bytes", Level: Must, Severity: High,
			Basis: []string{"WebAuthn L3 §5.4.3"}, Sends: "a request for creation options", Expects: "user.id of 1 to 64 bytes",
			Fix:    "Give every account a random handle of 64 bytes at most; clients refuse any other length.",
			Faults: []string{"user-id-long"},
			Perform: inCreation(func(_ *Rig, v *view) (any, string) {
				n := len(bytesAt(v.options, "user", "id"))
				if n < 1 || n > maxUserHandle {
					return n, fmt.Sprintf("user.id has %d bytes", n)
				}
				return n, ""
			}),
		},
		{
			ID: "opt-user-id-pii", Title: "A user handle that names nobody", Level: Must, Severity: Medium, Where: API,
			Basis:   []string{"WebAuthn L3 §14.6.1"},
			Sends:   "a request for creation options",
			Expects: "a user.id in which there is no user name, no e-mail address, and no unsalted hash of them",
			Fix:     "Use random bytes as the user handle: authenticators hand it out without asking who wants to know.",
			Faults:  []string{"user-id-username"},
			Perform: personalHandle,
		},
		{
			ID: "opt-user-id-unique", Title: "A user handle of one's own", Level: Should, Severity: High, Where: API,
			Basis: []string{"WebAuthn L3 §5.4.3, §14.6.1"}, Sends: "requests for creation options, for two users", Expects: "two handles",
			Fix:    "Give every account a handle of its own: a passkey of another account with the same handle is overwritten.",
			Faults: []string{"user-id-constant"}, Perform: handlesOfTwo,
		},
		{
			ID: "opt-user-id-stable", Title: "A user handle that stays", Level: Should, Severity: Medium, Where: API,
			Basis: []string{"WebAuthn L3 §5.4.3"}, Sends: "three requests for creation options, for one user with a passkey",
			Expects: "the same handle each time",
			Fix:     "Store the handle with the account. With a new one for every passkey, authenticators keep passkeys that should replace each other.",
			Faults:  []string{"user-handle-per-request"}, Perform: handlesOfOne,
		},
		{
			ID: "opt-user-names", Title: "Names that people can tell accounts by", Level: Must, Severity: Low,
			Basis: []string{"WebAuthn L3 §5.4.1, §5.4.3"}, Sends: "a request for creation options",
			Expects: "a user.name that is not empty, and a user.displayName, which may be",
			Fix:     "Send what the person signs in with as user.name: clients list passkeys by it.",
			Faults:  []string{"user-unnamed"},
			Perform: inCreation(func(_ *Rig, v *view) (any, string) {
				name, _ := member(v.options, "user", "name").(string)
				shown, ok := member(v.options, "user", "displayName").(string)
				switch seen := map[string]any{"name": name, "displayName": shown}; {
				case strings.TrimSpace(name) == "":
					return seen, "user.name is empty"
				case !ok:
					return seen, "user.displayName is not there"
				default:
					return seen, ""
				}
			}),
		},
	}
}

// personalHandle looks for what identifies the user in the handle.
func personalHandle(ctx context.Context, r *Rig) Finding {
	u, err := r.onlooker(ctx)
	if err != nil {
		return untold("%v", err)
	}
	return inCreation(func(_ *Rig, v *view) (any, string) {
		handle := bytesAt(v.options, "user", "id")
		if name := identifies(handle, u.User); name != "" {
			return name, "user.id is " + name
		}
		return "none of the user's names", ""
	})(ctx, r)
}

// identifies says what of a user a handle is or holds, or nothing.
func identifies(handle []byte, u rp.User) string {
	text := strings.ToLower(string(handle))
	for name, value := range map[string]string{"user name": u.Username, "e-mail address": u.Email, "display name": u.DisplayName} {
		if value == "" {
			continue
		}
		if utf8.ValidString(text) && strings.Contains(text, strings.ToLower(value)) {
			return "the " + name
		}
		for _, spelling := range []string{value, strings.ToLower(value)} {
			weak, older, newer := md5.Sum([]byte(spelling)), sha1.Sum([]byte(spelling)), sha256.Sum256([]byte(spelling)) //nolint:gosec // see above
			for kind, sum := range map[string][]byte{"MD5": weak[:], "SHA-1": older[:], "SHA-256": newer[:]} {
				if bytes.Equal(handle, sum) || text == hex.EncodeToString(sum) || string(handle) == base64.StdEncoding.EncodeToString(sum) {
					return "the " + kind + " hash of the " + name
				}
			}
		}
	}
	return ""
}

// handleOf asks for a user's handle.
func (r *Rig) handleOf(ctx context.Context, u *User) (string, error) {
	v, err := r.lookAt(ctx, opRegister, u)
	if err != nil {
		return "", err
	}
	handle, _ := member(v.options, "user", "id").(string)
	return handle, nil
}

func handlesOfTwo(ctx context.Context, r *Rig) Finding {
	handles := make([]string, 0, 2)
	for _, who := range []func(context.Context) (*User, error){r.User, r.Other} {
		u, err := who(ctx)
		if err != nil {
			return untold("%v", err)
		}
		handle, err := r.handleOf(ctx, u)
		if err != nil {
			return unable("a user with a passkey gets no creation options: %v", err)
		}
		handles = append(handles, handle)
	}
	r.See(handles)
	if handles[0] == handles[1] {
		return deviates("two accounts have the user.id %s", handles[0])
	}
	return conforms("two accounts have two handles")
}

func handlesOfOne(ctx context.Context, r *Rig) Finding {
	u, err := r.User(ctx)
	if err != nil {
		return untold("%v", err)
	}
	var handles []string
	for range 3 {
		handle, err := r.handleOf(ctx, u)
		if err != nil {
			return unable("a user with a passkey gets no creation options: %v", err)
		}
		handles = append(handles, handle)
	}
	r.See(handles)
	if handles[0] != handles[1] || handles[1] != handles[2] {
		return deviates("the user.id of one account changes from request to request")
	}
	return conforms("the handle is the same each time")
}

func rpIDChecks() []*Check {
	return []*Check{
		{
			ID: "opt-rp-id-valid", Title: "An RP ID that the site may use", Level: Must, Severity: High,
			Basis:   []string{"WebAuthn L3 §4, §5.1.3 step 8, §5.11"},
			Sends:   "requests for options",
			Expects: "the origin's host or a registrable parent domain of it, without scheme, port or path; or none, which is the host",
			Fix:     "Send a bare domain name. A site outside of that domain has to be among its related origins.",
			Faults:  []string{"rp-id-url"},
			Perform: inOptions(func(r *Rig, v *view) (any, string) {
				id := rpIDOf(v.options, r.Origin())
				err := virtual.CheckRPID(id, r.Origin(), nil)
				if err != nil && r.Profile()["related-origins"] != nil && virtual.CheckRPID(id, "https://"+id, nil) == nil {
					return id, ""
				}
				return id, textOf(err)
			}),
		},
		{
			ID: "opt-rp-id-consistent", Title: "One RP ID in both ceremonies", Level: Must, Severity: High, Where: API,
			Basis:   []string{"WebAuthn L3 §5.4.2, §5.5"},
			Sends:   "requests for the options of every ceremony",
			Expects: "the same RP ID, where one that is not there is the origin's host",
			Fix:     "Take rp.id and rpId from one setting: a passkey can only be used under the RP ID that it was made for.",
			Faults:  []string{"rp-id-differs"}, Perform: oneRPID,
		},
		{
			ID: "opt-rp-id-broad", Title: "An RP ID of a parent domain", Level: Info, Severity: Low, Where: API,
			Basis: []string{"WebAuthn L3 §13.4.8"}, Sends: "requests for options",
			Expects: "either: every subdomain of the RP ID can ask for its passkeys",
			Fix:     "Nothing has to be done if you trust every subdomain. Else use the host as the RP ID.",
			Perform: inOptions(func(r *Rig, v *view) (any, string) {
				id := rpIDOf(v.options, r.Origin())
				if strings.HasSuffix(hostOf(r.Origin()), "."+id) {
					return id, fmt.Sprintf("%s is a parent domain of %s", id, hostOf(r.Origin()))
				}
				return id, ""
			}),
		},
	}
}

func oneRPID(ctx context.Context, r *Rig) Finding {
	views, missing := r.lookAround(ctx)
	seen := make(map[string]any)
	ids := make(map[string]bool)
	requested := false
	for _, v := range views {
		id := rpIDOf(v.options, r.Origin())
		seen[v.operation], ids[id] = id, true
		requested = requested || !v.creation()
	}
	r.See(seen)
	switch {
	case len(ids) > 1:
		return deviates("the RP IDs differ: %s", summary(seen))
	case missing != nil && (len(seen) < 2 || !requested):
		return untold("%v", missing)
	}
	return conforms("%s", summary(seen))
}
