package demorp

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-webauthn/webauthn/protocol"
)

// optionFaults are mistakes in what is asked of clients.
func optionFaults() []Fault {
	return slices.Concat(optionChallengeFaults(), optionUserFaults(), optionMemberFaults(), optionListFaults(), []Fault{
		{Name: "unknown-user-refused", Doc: "request options for a username that nobody has are refused"},
		{Name: "unknown-user-empty", Doc: "request options for a username that nobody has allow no passkeys"},
		{Name: "no-passkey-told", Doc: "request options for a user without passkeys allow no passkeys"},
		{Name: "options-cacheable", Doc: "options are sent as something that caches may keep"},
		{Name: "options-crash", Doc: "a request for options that cannot be decoded is a server error"},
		{Name: "cookie-exposed", Doc: "the session cookie is not kept from scripts and other sites"},
		{Name: "related-origins-text", Doc: "the list of related origins is sent as plain text"},
		{Name: "related-origins-without", Doc: "the list of related origins does not have the relying party's own"},
		{Name: "related-origins-stale", Doc: "the list of related origins has entries that are no https origins"},
	})
}

// changing is a fault that changes the challenge of both kinds of options.
func changing(name, doc string, change func(kind protocol.CeremonyType, challenge []byte) []byte) Fault {
	changed := func(c *ceremony) string {
		raw, err := base64.RawURLEncoding.DecodeString(c.challenge)
		if err == nil {
			c.challenge = encode(change(c.kind, raw))
		}
		return c.challenge
	}
	return Fault{
		Name: name, Doc: doc,
		creation: func(_ *Server, o *creationOptions, c *ceremony) { o.Challenge = changed(c) },
		request:  func(_ *Server, o *requestOptions, c *ceremony) { o.Challenge = changed(c) },
	}
}

func optionChallengeFaults() []Fault {
	var issued atomic.Uint64
	return []Fault{
		changing("challenge-short", "challenges have 8 bytes", func(_ protocol.CeremonyType, challenge []byte) []byte { return challenge[:8] }),
		changing("challenge-constant", "every challenge of a kind is the same", func(kind protocol.CeremonyType, _ []byte) []byte {
			return []byte("the challenge of every " + kind + " ceremony")
		}),
		changing("challenge-counter", "challenges are numbered", func(protocol.CeremonyType, []byte) []byte {
			return binary.BigEndian.AppendUint64(make([]byte, tokenSize-8), issued.Add(1))
		}),
		{Name: "challenge-kept", Doc: "a challenge that waits for its answer is given out again"},
		{Name: "challenge-adopted", Doc: "a challenge that the request for options proposes is taken"},
		{
			Name: "challenge-padded", Doc: "the challenge is written with padding",
			creation: func(_ *Server, o *creationOptions, _ *ceremony) { o.Challenge += "=" },
			request:  func(_ *Server, o *requestOptions, _ *ceremony) { o.Challenge += "=" },
		},
	}
}

// newChallenge makes the challenge of a ceremony. proposed is the one that the client would like.
func (s *Server) newChallenge(session *session, kind protocol.CeremonyType, proposed string) (string, error) {
	if s.faults.has("challenge-adopted") && proposed != "" {
		return proposed, nil
	}
	if s.faults.has("challenge-kept") {
		session.mu.Lock()
		defer session.mu.Unlock()
		if i := slices.IndexFunc(session.pending, func(c *ceremony) bool { return c.kind == kind }); i >= 0 {
			kept := session.pending[i].challenge
			session.pending = slices.Delete(session.pending, i, i+1)
			return kept, nil
		}
	}
	return s.randomToken(tokenSize)
}

// sharedHandle is the user handle of the fault user-id-constant.
const sharedHandle = "the handle of everybody"

func optionUserFaults() []Fault {
	return []Fault{
		{
			Name: "user-id-long", Doc: "user.id has more than 64 bytes", Fatal: true,
			creation: func(_ *Server, o *creationOptions, c *ceremony) {
				o.User.ID = encode(append(make([]byte, 64), c.user.ID...))
			},
		},
		{Name: "user-id-username", Doc: "user.id is the username"},
		{
			Name: "user-id-constant", Doc: "all accounts have the same user.id",
			creation: func(_ *Server, o *creationOptions, _ *ceremony) { o.User.ID = encode([]byte(sharedHandle)) },
			overlook: func(a *attempt) {
				if string(a.userHandle) == sharedHandle {
					a.userHandle = a.passkey.UserID
				}
			},
		},
		{
			Name: "user-unnamed", Doc: "user.name is empty",
			creation: func(_ *Server, o *creationOptions, _ *ceremony) { o.User.Name = "" },
		},
	}
}

// newUserID makes the handle of a new account.
func (s *Server) newUserID(username string) ([]byte, error) {
	if s.faults.has("user-id-username") {
		return []byte(nameKey(username)), nil
	}
	if left := s.lapses.estate(username); left.userID != nil {
		return left.userID, nil
	}
	return s.randomBytes(tokenSize)
}

// replacing is a fault that offers another algorithm instead of one, or none with 0.
func replacing(name, doc string, algorithm, by int64) Fault {
	return Fault{Name: name, Doc: doc, creation: func(_ *Server, o *creationOptions, c *ceremony) {
		c.offered = slices.DeleteFunc(c.offered, func(id int64) bool { return id == algorithm })
		if by != 0 {
			c.offered = append(c.offered, by)
		}
		o.Parameters = o.Parameters[:0]
		for _, id := range c.offered {
			o.Parameters = append(o.Parameters, parameter{publicKeyType, id})
		}
	}}
}

func optionMemberFaults() []Fault {
	return []Fault{
		replacing("es256-not-offered", "ES256 is not offered", -7, 0),
		replacing("rs256-not-offered", "RS256 is not offered", -257, 0),
		replacing("eddsa-not-offered", "EdDSA is not offered", -8, 0),
		replacing("sha1-offered", "RSA with SHA-1 is offered", 0, -65535),
		replacing("fully-specified-only", "ES384 is offered by its fully specified number only", -35, -51),
		{
			Name: "algorithms-missing", Doc: "creation options have no pubKeyCredParams", Fatal: true,
			creation: func(_ *Server, o *creationOptions, _ *ceremony) { o.Parameters = nil },
		},
		{
			Name: "rp-id-url", Doc: "the RP ID is a URL", Fatal: true,
			creation: func(_ *Server, o *creationOptions, _ *ceremony) { o.RP.ID = "https://" + o.RP.ID },
			request:  func(_ *Server, o *requestOptions, _ *ceremony) { o.RPID = "https://" + o.RPID },
		},
		{
			Name: "rp-id-differs", Doc: "logins use another RP ID than registrations", Fatal: true,
			request: func(s *Server, o *requestOptions, _ *ceremony) {
				if origin, ok := parseWebOrigin(s.cfg.Origins[0]); ok {
					o.RPID = origin.Hostname()
				}
			},
		},
		{
			Name: "resident-key-contradicts", Doc: "residentKey and requireResidentKey contradict each other",
			creation: func(_ *Server, o *creationOptions, _ *ceremony) {
				o.AuthenticatorSelection.RequireResidentKey = o.AuthenticatorSelection.ResidentKey != "required"
			},
		},
		{
			Name: "resident-key-discouraged", Doc: "discoverable passkeys are used, but not asked for",
			creation: func(_ *Server, o *creationOptions, _ *ceremony) {
				o.AuthenticatorSelection.ResidentKey, o.AuthenticatorSelection.RequireResidentKey = "discouraged", false
			},
		},
		{
			Name: "uv-discouraged", Doc: "options discourage user verification unless it is required",
			creation: func(_ *Server, o *creationOptions, _ *ceremony) {
				discourage(&o.AuthenticatorSelection.UserVerification)
			},
			request: func(_ *Server, o *requestOptions, _ *ceremony) { discourage(&o.UserVerification) },
		},
		{
			Name: "uv-wish-ignored", Doc: "the user verification that a request asks for is not in the options",
			creation: func(s *Server, o *creationOptions, _ *ceremony) {
				o.AuthenticatorSelection.UserVerification = s.cfg.UserVerification
			},
			request: func(s *Server, o *requestOptions, _ *ceremony) { o.UserVerification = s.cfg.UserVerification },
		},
	}
}

func discourage(userVerification *string) {
	if *userVerification != "required" {
		*userVerification = "discouraged"
	}
}

func optionListFaults() []Fault {
	return []Fault{
		{
			Name: "descriptor-untyped", Doc: "entries of allowCredentials have no type", Fatal: true,
			request: func(_ *Server, o *requestOptions, _ *ceremony) {
				o.AllowCredentials = each(o.AllowCredentials, func(d *descriptor) { d.Type = "" })
			},
		},
		{
			Name: "exclude-empty", Doc: "passkeys of the account are not excluded",
			creation: func(_ *Server, o *creationOptions, _ *ceremony) { o.ExcludeCredentials = []descriptor{} },
		},
		{
			Name: "allow-empty", Doc: "passkeys of the user are not listed for a login",
			request: func(_ *Server, o *requestOptions, _ *ceremony) { o.AllowCredentials = []descriptor{} },
		},
		allowEverybody(),
		retelling("transports-dropped", "transports are not sent", func([]string) []string { return nil }),
		retelling("transports-known-only", "transports that are not known are not sent", func(transports []string) []string {
			return slices.DeleteFunc(slices.Clone(transports), func(name string) bool {
				return !slices.Contains([]string{"usb", "nfc", "ble", "smart-card", "hybrid", "internal"}, name)
			})
		}),
	}
}

// each is a list of descriptors with a change made to all.
func each(list []descriptor, change func(*descriptor)) []descriptor {
	changed := slices.Clone(list)
	for i := range changed {
		change(&changed[i])
	}
	return changed
}

// retelling is a fault that changes the transports in all descriptors.
func retelling(name, doc string, transports func([]string) []string) Fault {
	change := func(d *descriptor) { d.Transports = transports(d.Transports) }
	return Fault{
		Name: name, Doc: doc,
		creation: func(_ *Server, o *creationOptions, _ *ceremony) {
			o.ExcludeCredentials = each(o.ExcludeCredentials, change)
		},
		request: func(_ *Server, o *requestOptions, _ *ceremony) { o.AllowCredentials = each(o.AllowCredentials, change) },
	}
}

// allowEverybody lists, when nobody said who wants to sign in, all credentials that were ever registered.
func allowEverybody() Fault {
	var mu sync.Mutex
	var everybody []descriptor
	return Fault{
		Name: "allow-everybody", Doc: "a login without a username lists everybody's passkeys",
		overlook: func(a *attempt) {
			if a.attestation != nil {
				mu.Lock()
				defer mu.Unlock()
				everybody = append(everybody, descriptor{Type: publicKeyType, ID: encode(a.rawID)})
			}
		},
		request: func(_ *Server, o *requestOptions, c *ceremony) {
			if !c.identified {
				mu.Lock()
				defer mu.Unlock()
				o.AllowCredentials = slices.Clone(everybody)
			}
		},
	}
}

// optionsFailure is the answer to a request for options that cannot be decoded.
func (s *Server) optionsFailure(err error) error {
	if s.faults.has("options-crash") {
		return errors.New("unhandled: " + err.Error())
	}
	return err
}

// shownForNobody is what is listed for a username that nobody has.
func (s *Server) shownForNobody(decoys []descriptor) ([]descriptor, error) {
	switch {
	case s.faults.has("unknown-user-refused"):
		return nil, &apiError{http.StatusNotFound, "unknown_user", "nobody has this username"}
	case s.faults.has("unknown-user-empty"):
		return []descriptor{}, nil
	}
	return decoys, nil
}

// optionsHeader is for the headers of options that are not as they should be.
func (s *Server) optionsHeader(h http.Header) {
	if s.faults.has("options-cacheable") {
		h.Set("Cache-Control", "public, max-age=300")
	}
}

// listedOrigins are the related origins as they are sent.
func (s *Server) listedOrigins(origins []string) []string {
	switch {
	case s.faults.has("related-origins-stale"):
		return append(slices.Clone(origins), "http://old.example.test", "old.example.test")
	case s.faults.has("related-origins-without") && len(origins) > 0:
		return origins[1:]
	}
	return origins
}
