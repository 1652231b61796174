package fabric_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/virtual"
	"github.com/passrig/passrig/virtual/fabric"
	"github.com/passrig/passrig/virtual/providers"
)

// Each rule of a provider, on the device that hears the signal and on the other one.
func TestHeed(t *testing.T) {
	for _, c := range []struct {
		name   string
		rules  providers.Signals
		signal virtual.SignalType
		gone   bool // from the keychains
		state  fabric.State
		hidden bool
		called string
	}{
		{"unknown hides", providers.Signals{Unknown: providers.SignalHide}, virtual.SignalUnknownCredential, true, fabric.Live, true, "alice"},
		{"unknown deletes", providers.Signals{Unknown: providers.SignalDelete}, virtual.SignalUnknownCredential, true, fabric.Dead, false, ""},
		{"unknown ignored", providers.Signals{Unknown: providers.SignalIgnore}, virtual.SignalUnknownCredential, false, fabric.Live, false, "alice"},
		{"not accepted hides", providers.Signals{AllAccepted: providers.SignalHide}, virtual.SignalAllAcceptedCredentials, true, fabric.Live, true, "alice"},
		{"not accepted deletes", providers.Signals{AllAccepted: providers.SignalDelete}, virtual.SignalAllAcceptedCredentials, true, fabric.Dead, false, ""},
		{"not accepted ignored", providers.Signals{AllAccepted: providers.SignalIgnore}, virtual.SignalAllAcceptedCredentials, false, fabric.Live, false, "alice"},
		{"details followed", providers.Signals{Details: providers.SignalFollow}, virtual.SignalCurrentUserDetails, false, fabric.Live, false, "al"},
		{"details ignored", providers.Signals{Details: providers.SignalIgnore}, virtual.SignalCurrentUserDetails, false, fabric.Live, false, "alice"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Signals = c.rules })
			laptop, phone := r.pair()
			id, other := laptop.save("alice"), laptop.save("bob")
			r.wait(0, phone)
			v := laptop.view(id)
			signal := virtual.Signal{
				Type: c.signal, RPID: rpID, CredentialID: id, UserHandle: v.UserHandle, Accepted: [][]byte{other}, Name: "al", DisplayName: "Al",
			}
			elsewhere := signal
			elsewhere.RPID = "example.com"
			if ids, err := laptop.Heed(t.Context(), elsewhere); err != nil || ids != nil {
				t.Errorf("another relying party's signal touched %x, %v", ids, err)
			}
			ids, err := laptop.Heed(t.Context(), signal)
			r.must(err)
			changed := c.gone || c.called == "al"
			if want := map[bool][][]byte{true: {id}}[changed]; !cmp.Equal(ids, want) {
				t.Errorf("touched %x, want %x", ids, want)
			}
			r.wait(0, phone)
			for _, d := range []*device{laptop, phone} {
				v := d.view(id)
				if d.has(id) == c.gone || v.State != c.state || v.Hidden != c.hidden || v.UserName != c.called || !d.has(other) {
					t.Errorf("%s: has it %t, %+v", d.name, d.has(id), v)
				}
			}
			if ids, err := laptop.Heed(t.Context(), signal); err != nil || ids != nil {
				t.Errorf("the same once more touched %x, %v", ids, err)
			}
		})
	}
}

// What was hidden because the relying party had forgotten it, is back when it is listed again.
func TestUnhide(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	id := laptop.save("alice")
	r.wait(0, phone)
	accepted := virtual.Signal{Type: virtual.SignalAllAcceptedCredentials, RPID: rpID, UserHandle: laptop.view(id).UserHandle}
	_, err := laptop.Heed(t.Context(), accepted)
	r.must(err)
	r.wait(0, phone)
	accepted.Accepted = [][]byte{id}
	ids, err := phone.Heed(t.Context(), accepted) // the other device hears it
	r.must(err)
	r.wait(0, laptop)
	if !cmp.Equal(ids, accepted.Accepted) || !laptop.has(id) || !phone.has(id) || laptop.offered("alice") == nil {
		t.Errorf("touched %x; on the laptop %t, on the phone %t", ids, laptop.has(id), phone.has(id))
	}
	laptop.expect("pushed hidden pushed arrived unhidden")
	phone.expect("arrived arrived hidden unhidden pushed")
}

// A relying party that never stored the newest passkey gets the one before back by saying so.
func TestHiddenHeadGivesItsPlaceBack(t *testing.T) {
	r := newRig(t, fabric.NetworkConfig{})
	laptop, phone := r.pair()
	first, second := laptop.save("alice"), laptop.save("alice")
	signal := virtual.Signal{Type: virtual.SignalUnknownCredential, RPID: rpID, CredentialID: second}
	_, err := laptop.Heed(t.Context(), signal)
	r.must(err)
	r.wait(0, phone)
	for _, d := range []*device{laptop, phone} {
		if d.has(second) || !bytes.Equal(d.offered("alice"), first) {
			t.Errorf("%s offers %x, want the first", d.name, d.offered("alice"))
		}
	}
}

// A name that a person chose stays, on every device.
func TestEditedNames(t *testing.T) {
	for rule, want := range map[string]string{providers.SignalUnlessEdited: "mine", providers.SignalFollow: "theirs"} {
		r := newRig(t, fabric.NetworkConfig{}, func(p *providers.Provider) { p.Signals.Details = rule })
		laptop, phone := r.pair()
		id := laptop.save("alice")
		details := virtual.Signal{
			Type: virtual.SignalCurrentUserDetails, RPID: rpID, UserHandle: laptop.view(id).UserHandle, Name: "first", DisplayName: "First",
		}
		_, err := laptop.Heed(t.Context(), details)
		r.must(err)
		if got := laptop.view(id).UserName; got != "first" {
			t.Errorf("%s: a name that nobody chose is %q", rule, got)
		}
		r.must(laptop.Rename(t.Context(), id, "mine", "Mine"))
		r.wait(0, phone)
		details.Name = "theirs"
		_, err = phone.Heed(t.Context(), details)
		r.must(err)
		r.wait(0, laptop)
		if got := laptop.view(id).UserName; got != want || laptop.soft.Credentials()[0].UserName != want {
			t.Errorf("%s: %q, want %q", rule, got, want)
		}
	}
}
