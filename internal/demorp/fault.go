package demorp

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
)

// Fault is one mistake that real relying parties make and this one can be made to make, so that whoever tests
// relying parties can see that the test notices.
type Fault struct {
	Name string
	Doc  string // what the relying party then does wrong, in one sentence
	// Fatal says that no client can register and sign in any more: the mistake can only be seen in the options.
	Fatal bool

	// drops are the verification steps that are left out, in both ceremonies.
	drops []string
	// misread changes what was received before it is decoded: a relying party that does not look at something behaves
	// as if it were right.
	misread func(*received)
	// overlook changes what was decoded before it is verified.
	overlook func(*attempt)
	// forgives says that a step that failed counts as passed, and minds refuses an answer that passed them all.
	forgives func(step string, a *attempt) bool
	minds    func(a *attempt) error
	// creation and request change the options that are sent, and may change what is expected for them.
	creation func(s *Server, o *creationOptions, c *ceremony)
	request  func(s *Server, o *requestOptions, c *ceremony)
	// page are the mistakes in the page's files.
	page []slip
}

// Faults lists every fault there is.
func Faults() []Fault {
	return slices.Concat(
		optionFaults(),
		envelopeFaults(),
		clientDataFaults(),
		authenticatorDataFaults(),
		attestationFaults(),
		signatureFaults(),
		identityFaults(),
		lifecycleFaults(),
		syncFaults(),
		pageFaults(),
	)
}

// faults are those that this relying party has, by name.
type faults map[string]Fault

// chosenFaults looks the names up.
func chosenFaults(names []string) (faults, error) {
	chosen := make(faults, len(names))
	all := Faults()
	for _, name := range names {
		i := slices.IndexFunc(all, func(f Fault) bool { return f.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no fault %q", name)
		}
		chosen[name] = all[i]
	}
	return chosen, nil
}

// has reports whether a fault is among them: for those that are a branch somewhere.
func (f faults) has(name string) bool {
	_, ok := f[name]
	return ok
}

// without leaves the steps out that the faults drop, and has the others forgive what the faults forgive.
func (f faults) without(steps []step) []step {
	kept := slices.Clone(steps)
	for _, fault := range f {
		kept = slices.DeleteFunc(kept, func(s step) bool { return slices.Contains(fault.drops, s.name) })
		if fault.forgives == nil {
			continue
		}
		for i, strict := range kept {
			kept[i].check = func(v *verifier, a *attempt) error {
				if err := strict.check(v, a); err != nil && !fault.forgives(strict.name, a) {
					return err
				}
				return nil
			}
		}
	}
	return kept
}

// read decodes the credential, after the faults have misread it. as is what was sent; it is nil without faults.
func (s *Server) read(session *session, kind protocol.CeremonyType, credential json.RawMessage, into any) (as *sent, err error) {
	if len(credential) == 0 {
		credential = json.RawMessage("{}")
	}
	for _, fault := range s.faults {
		r := &received{kind: kind, origin: s.cfg.Origins[0], pending: session.unanswered()}
		if json.Unmarshal(credential, &r.credential) != nil || r.credential == nil {
			continue
		}
		if as == nil {
			as = r.sent()
		}
		if fault.misread == nil {
			continue
		}
		fault.misread(r)
		if credential, err = json.Marshal(r.credential); err != nil {
			return nil, err
		}
		if len(as.clientData) == 0 {
			as.clientData = r.bytes("clientDataJSON") // nothing of the kind was sent: what was read instead counts
		}
	}
	if err := json.Unmarshal(credential, into); err != nil {
		return nil, &apiError{http.StatusBadRequest, "bad_request", "the credential is not the expected JSON: " + err.Error()}
	}
	return as, nil
}

// unanswered are the session's pending ceremonies, oldest first.
func (s *session) unanswered() []*ceremony {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.pending)
}

// judge verifies an attempt, with what the faults overlook, forgive and mind.
func (s *Server) judge(steps []step, a *attempt) error {
	for _, fault := range s.faults {
		if fault.overlook != nil {
			fault.overlook(a)
		}
	}
	if err := s.verifier.verify(s.faults.without(steps), a); err != nil {
		return err
	}
	for _, fault := range s.faults {
		if fault.minds == nil {
			continue
		}
		if err := fault.minds(a); err != nil {
			return &refusedError{fault.Name, err}
		}
	}
	return nil
}
