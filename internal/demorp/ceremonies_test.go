package demorp

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/google/go-cmp/cmp"
)

func TestBothCeremonies(t *testing.T) {
	s := newSite(t, nil)
	laptop := s.visitor(t)
	w := newWallet(virtualwebauthn.AuthenticatorOptions{
		BackupEligible: true,
		Transports:     []virtualwebauthn.Transport{virtualwebauthn.TransportInternal, virtualwebauthn.TransportHybrid},
	})

	user := laptop.signup("alice")
	if laptop.whoami() != "alice" {
		t.Fatal("signing up did not sign in")
	}
	registered := laptop.register(w)
	want := passkeyJSON{
		ID: registered.ID, CredentialID: encode(w.credential.ID), Name: "Passkey 1", CreatedAt: s.now(), Algorithm: -7,
		Transports: []string{"internal", "hybrid"}, AAGUID: uuid(w.authenticator.Aaguid[:]), UserVerified: true,
		BackupEligible: true, Attestation: "packed",
	}
	if diff := cmp.Diff(want, registered); diff != "" {
		t.Error("registered passkey (-want +got):\n" + diff)
	}
	if excluded := laptop.creation().ExcludeCredentials; len(excluded) != 1 || excluded[0].ID != registered.CredentialID {
		t.Errorf("excludeCredentials = %v", excluded)
	}

	s.advance(time.Hour)
	w.credential.Counter = 7
	w.authenticator.Options.BackupState = true
	w.authenticator.Options.UserNotVerified = true
	phone := s.visitor(t)
	if got := phone.login(w, "ALICE"); got != user {
		t.Errorf("signed in as %v, want %v", got, user)
	}
	var list passkeysAnswer
	phone.do("GET", "/api/passkeys", nil, http.StatusOK, &list)
	now := s.now()
	want.LastUsedAt, want.SignCount, want.BackedUp, want.UserVerified = &now, 7, true, false
	if diff := cmp.Diff([]passkeyJSON{want}, list.Passkeys); diff != "" {
		t.Error("passkey after a sign-in (-want +got):\n" + diff)
	}

	w.credential.Counter = 8
	tablet := s.visitor(t)
	if got := tablet.login(w, ""); got != user {
		t.Errorf("discoverable sign-in as %v, want %v", got, user)
	}
	tablet.do("POST", "/api/logout", nil, http.StatusNoContent, nil)
	if got := tablet.whoami(); got != "" {
		t.Errorf("after signing out, signed in as %q", got)
	}
	if got := phone.whoami(); got != "alice" {
		t.Errorf("another device's session ended too: %q", got)
	}
}

func TestLoginRotatesTheSession(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	v.signup("alice")
	v.register(w)

	fresh := s.visitor(t)
	options := fresh.send("POST", "/api/login/options", nil)
	before := options.header.Get("Set-Cookie")
	var asked requestAnswer
	if err := json.Unmarshal(options.body, &asked); err != nil {
		t.Fatal(err)
	}
	after := fresh.send("POST", "/api/login/result", credentialBody(w.get(t, asked.PublicKey))).header.Get("Set-Cookie")
	if before == "" || after == "" || before == after {
		t.Errorf("session cookie %q before, %q after the sign-in", before, after)
	}
	for _, attribute := range []string{"HttpOnly", "SameSite=Lax", "Path=/"} {
		if !strings.Contains(after, attribute) {
			t.Errorf("cookie %q lacks %s", after, attribute)
		}
	}
	old, _, _ := strings.Cut(before, ";")
	if got := s.visitor(t).send("GET", "/api/whoami", nil, "Cookie", old); got.status != http.StatusUnauthorized {
		t.Errorf("the session from before the sign-in answers %d", got.status)
	}
}

func TestChallengesAreSingleUse(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	v.signup("alice")

	created := w.create(t, v.creation())
	v.do("POST", "/api/register/result", credentialBody(created), http.StatusCreated, nil)
	v.do("POST", "/api/register/result", credentialBody(created), http.StatusBadRequest, nil)

	options := v.request("alice")
	asserted := w.get(t, options)
	v.do("POST", "/api/login/result", credentialBody(asserted), http.StatusOK, nil)
	v.do("POST", "/api/login/result", credentialBody(asserted), http.StatusUnauthorized, nil)
	v.request("alice") // a live challenge does not revive an old answer
	v.do("POST", "/api/login/result", credentialBody(asserted), http.StatusUnauthorized, nil)

	// A refused answer spends its challenge as well.
	options = v.request("alice")
	stranger := newWallet(virtualwebauthn.AuthenticatorOptions{})
	v.do("POST", "/api/login/result", credentialBody(stranger.get(t, options)), http.StatusUnauthorized, nil)
	v.do("POST", "/api/login/result", credentialBody(w.get(t, options)), http.StatusUnauthorized, nil)
}

func TestConcurrentAnswersSignInOnce(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	v.signup("alice")
	v.register(w)
	body := credentialBody(w.get(t, v.request("alice")))

	const n = 8
	statuses := make([]int, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() { statuses[i] = v.send("POST", "/api/login/result", body).status })
	}
	group.Wait()
	accepted := 0
	for _, status := range statuses {
		if status == http.StatusOK {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("%d of %d identical answers accepted, want 1", accepted, n)
	}
}

func TestChallengesBelongToTheirSessionCeremonyAndTime(t *testing.T) {
	s := newSite(t, nil)
	alice, mallory := s.visitor(t), s.visitor(t)
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	alice.signup("alice")
	mallory.signup("mallory")

	created := credentialBody(w.create(t, alice.creation()))
	mallory.do("POST", "/api/register/result", created, http.StatusBadRequest, nil)
	alice.do("POST", "/api/register/result", created, http.StatusCreated, nil)

	visitor := s.visitor(t)
	asserted := credentialBody(w.get(t, visitor.request("alice")))
	s.visitor(t).do("POST", "/api/login/result", asserted, http.StatusUnauthorized, nil)
	mallory.do("POST", "/api/login/result", asserted, http.StatusUnauthorized, nil)

	crossed := alice.creation()
	alice.do("POST", "/api/login/result", credentialBody(w.get(t, requestOptions{Challenge: crossed.Challenge})), http.StatusUnauthorized, nil)
	if reason := s.lastRefusal(); !strings.Contains(reason, errChallengeKind.Error()) {
		t.Errorf("refused for %s", reason)
	}

	// Either of two pending challenges works: an autofill request waits beside a button's.
	for _, which := range []int{0, 1} {
		visitor = s.visitor(t)
		issued := []requestOptions{visitor.request("alice"), visitor.request("")}
		visitor.do("POST", "/api/login/result", credentialBody(w.get(t, issued[which])), http.StatusOK, nil)
	}

	late := alice.request("alice")
	s.advance(defaultChallengeTTL)
	alice.do("POST", "/api/login/result", credentialBody(w.get(t, late)), http.StatusUnauthorized, nil)
	if reason := s.lastRefusal(); !strings.Contains(reason, errChallengeExpired.Error()) {
		t.Errorf("refused for %s", reason)
	}
}

func TestCredentialsBelongToTheirUser(t *testing.T) {
	s := newSite(t, nil)
	alice, mallory := s.visitor(t), s.visitor(t)
	hers, theirs := newWallet(virtualwebauthn.AuthenticatorOptions{}), newWallet(virtualwebauthn.AuthenticatorOptions{})
	alice.signup("alice")
	alice.register(hers)
	mallory.signup("mallory")
	mallory.register(theirs)

	visitor := s.visitor(t)
	visitor.do("POST", "/api/login/result", credentialBody(theirs.get(t, visitor.request("alice"))), http.StatusUnauthorized, nil)
	visitor.do("POST", "/api/login/result", credentialBody(theirs.get(t, visitor.request("nobody"))), http.StatusUnauthorized, nil)

	mixed := *theirs
	mixed.authenticator.Options.UserHandle = hers.authenticator.Options.UserHandle
	for _, username := range []string{"", "mallory"} {
		visitor.do("POST", "/api/login/result", credentialBody(mixed.get(t, visitor.request(username))), http.StatusUnauthorized, nil)
	}
	mixed.authenticator.Options.UserHandle = nil
	visitor.do("POST", "/api/login/result", credentialBody(mixed.get(t, visitor.request(""))), http.StatusUnauthorized, nil)
	if got := visitor.whoami(); got != "" {
		t.Errorf("signed in as %q", got)
	}
	if got := visitor.send("POST", "/api/login/result", credentialBody(mixed.get(t, visitor.request("mallory")))); got.status != http.StatusOK {
		t.Errorf("no user handle after a username: %s", got.body)
	}

	// Somebody else's credential id cannot be registered, with their key or one's own.
	stolen := *hers
	mallory.do("POST", "/api/register/result", credentialBody(stolen.create(t, mallory.creation())), http.StatusBadRequest, nil)
	stolen.credential.Key = theirs.credential.Key
	mallory.do("POST", "/api/register/result", credentialBody(stolen.create(t, mallory.creation())), http.StatusBadRequest, nil)
	if got := alice.login(hers, "alice"); got.Username != "alice" {
		t.Errorf("alice signs in as %q", got.Username)
	}
}

func TestRefusedLoginsLookAlike(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	w := newWallet(virtualwebauthn.AuthenticatorOptions{})
	v.signup("alice")
	v.register(w)

	badSignature := *w
	badSignature.credential.Key = virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2).Key
	visitor := s.visitor(t)
	answers := map[string]string{}
	for name, body := range map[string]string{
		"bad signature":      badSignature.get(t, visitor.request("alice")),
		"unknown credential": newWallet(virtualwebauthn.AuthenticatorOptions{}).get(t, visitor.request("alice")),
		"unknown user":       w.get(t, visitor.request("nobody")),
		"unknown challenge":  w.get(t, requestOptions{Challenge: encode(make([]byte, 32))}),
	} {
		got := visitor.send("POST", "/api/login/result", credentialBody(body))
		answers[string(got.body)+http.StatusText(got.status)] = name
	}
	if len(answers) != 1 {
		t.Errorf("refusals can be told apart: %v", answers)
	}
}

func TestPasskeyManagement(t *testing.T) {
	s := newSite(t, nil)
	alice, mallory := s.visitor(t), s.visitor(t)
	first, second := newWallet(virtualwebauthn.AuthenticatorOptions{}), newWallet(virtualwebauthn.AuthenticatorOptions{})
	alice.signup("alice")
	passkey := alice.register(first)
	alice.register(second)
	mallory.signup("mallory")
	path := "/api/passkeys/" + passkey.ID

	mallory.do("PATCH", path, map[string]string{"name": "mine now"}, http.StatusNotFound, nil)
	mallory.do("DELETE", path, nil, http.StatusNotFound, nil)
	s.visitor(t).do("DELETE", path, nil, http.StatusUnauthorized, nil)
	var none passkeysAnswer
	if mallory.do("GET", "/api/passkeys", nil, http.StatusOK, &none); len(none.Passkeys) != 0 {
		t.Errorf("mallory sees %v", none.Passkeys)
	}

	alice.do("PATCH", path, map[string]string{"name": ""}, http.StatusBadRequest, nil)
	var renamed passkeyAnswer
	alice.do("PATCH", path, map[string]string{"name": "Work laptop"}, http.StatusOK, &renamed)
	if passkey.Name = "Work laptop"; cmp.Diff(passkey, renamed.Passkey) != "" {
		t.Error("renaming changed more than the name:\n" + cmp.Diff(passkey, renamed.Passkey))
	}

	phone := s.visitor(t)
	phone.login(first, "alice")
	pending := phone.request("")
	alice.do("DELETE", path, nil, http.StatusNoContent, nil)
	alice.do("DELETE", path, nil, http.StatusNotFound, nil)
	phone.do("POST", "/api/login/result", credentialBody(first.get(t, pending)), http.StatusUnauthorized, nil)
	if got := phone.whoami(); got != "alice" {
		t.Errorf("deleting a passkey ended its session: %q", got)
	}
	var left passkeysAnswer
	alice.do("GET", "/api/passkeys", nil, http.StatusOK, &left)
	if len(left.Passkeys) != 1 || left.Passkeys[0].CredentialID != encode(second.credential.ID) {
		t.Errorf("left after deleting: %v", left.Passkeys)
	}
	alice.register(first) // a deleted credential may come back
}

func TestCounters(t *testing.T) {
	for _, test := range []struct {
		name           string
		stored, sent   uint32
		status         int
		kept           uint32
		warningExpects bool
	}{
		{"zero stays zero", 0, 0, http.StatusOK, 0, false},
		{"grows", 5, 6, http.StatusOK, 6, false},
		{"jumps to the end", 5, 1<<32 - 1, http.StatusOK, 1<<32 - 1, false},
		{"equal", 5, 5, http.StatusUnauthorized, 5, true},
		{"falls", 5, 4, http.StatusUnauthorized, 5, true},
		{"falls to zero", 5, 0, http.StatusOK, 5, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, nil)
			v := s.visitor(t)
			w := newWallet(virtualwebauthn.AuthenticatorOptions{})
			w.credential.Counter = test.stored
			v.signup("alice")
			v.register(w)
			w.credential.Counter = test.sent
			v.do("POST", "/api/login/result", credentialBody(w.get(t, v.request("alice"))), test.status, nil)
			stored, err := s.store.Passkey(t.Context(), w.credential.ID)
			if err != nil {
				t.Fatal(err)
			}
			if stored.SignCount != test.kept || stored.CloneWarning != test.warningExpects {
				t.Errorf("stored counter %d, warning %t; want %d, %t", stored.SignCount, stored.CloneWarning, test.kept, test.warningExpects)
			}
		})
	}
}

func TestRegistrationOptions(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	v.do("POST", "/api/register/options", nil, http.StatusUnauthorized, nil)
	user := v.signup("alice")
	first, second := v.creation(), v.creation()
	if first.Challenge == second.Challenge || len(first.Challenge) != 43 {
		t.Errorf("challenges %q and %q", first.Challenge, second.Challenge)
	}
	first.Challenge = ""
	want := creationOptions{
		RP:                     rpEntity{testRPID, defaultRPName},
		User:                   userEntity{user.ID, "alice", "alice"},
		Parameters:             []parameter{{"public-key", -8}, {"public-key", -7}, {"public-key", -257}, {"public-key", -35}, {"public-key", -36}, {"public-key", -37}},
		Timeout:                300_000,
		ExcludeCredentials:     []descriptor{},
		AuthenticatorSelection: authenticatorChoice{"", "required", true, "preferred"},
		Attestation:            "none",
	}
	if diff := cmp.Diff(want, first); diff != "" {
		t.Error("options (-want +got):\n" + diff)
	}

	var asked creationAnswer
	v.do("POST", "/api/register/options", map[string]any{
		"authenticatorAttachment": "cross-platform", "residentKey": "discouraged", "userVerification": "required",
		"attestation": "direct", "hints": []string{"security-key"}, "challenge": "bWluZQ", "user": map[string]string{"id": "bWluZQ"},
	}, http.StatusOK, &asked)
	if asked.PublicKey.Challenge == "bWluZQ" || asked.PublicKey.User.ID != user.ID {
		t.Error("the client chose the challenge or the user")
	}
	if diff := cmp.Diff(authenticatorChoice{"cross-platform", "discouraged", false, "required"}, asked.PublicKey.AuthenticatorSelection); diff != "" {
		t.Error("authenticatorSelection (-want +got):\n" + diff)
	}
	for _, bad := range []string{"residentKey", "userVerification", "attestation", "authenticatorAttachment", "mediation"} {
		v.do("POST", "/api/register/options", map[string]string{bad: "sometimes"}, http.StatusBadRequest, nil)
	}

	strict := newSite(t, func(c *Config) { c.UserVerification = "required" }).visitor(t)
	strict.signup("alice")
	strict.do("POST", "/api/register/options", map[string]string{"userVerification": "discouraged"}, http.StatusOK, &asked)
	if got := asked.PublicKey.AuthenticatorSelection.UserVerification; got != "required" {
		t.Errorf("a client lowered user verification to %q", got)
	}
}
