package demorp

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/go-cmp/cmp"
)

func TestDecoysLookReal(t *testing.T) {
	s := newSite(t, nil)
	v := s.visitor(t)
	v.signup("alice")
	v.register(newWallet(virtualwebauthn.AuthenticatorOptions{}))
	v.signup("newcomer")

	known, decoy := s.visitor(t).request("alice"), s.visitor(t).request("nobody")
	if diff := cmp.Diff(decoy.AllowCredentials, s.visitor(t).request("NOBODY").AllowCredentials); diff != "" {
		t.Error("decoys change between requests:\n" + diff)
	}
	if newcomer := s.visitor(t).request("newcomer"); len(newcomer.AllowCredentials) == 0 {
		t.Error("a user without passkeys can be told")
	}
	if cmp.Diff(decoy.AllowCredentials, s.visitor(t).request("somebody").AllowCredentials) == "" {
		t.Error("two names share their decoys")
	}
	for _, options := range []requestOptions{known, decoy} {
		for _, shown := range options.AllowCredentials {
			id, err := base64.RawURLEncoding.DecodeString(shown.ID)
			if err != nil || len(id) < 16 || shown.Type != "public-key" || len(shown.Transports) == 0 {
				t.Errorf("credential %+v", shown)
			}
		}
	}
	if got := s.visitor(t).request("").AllowCredentials; len(got) != 0 {
		t.Errorf("without a username: %v", got)
	}
}

func TestDecoyDistribution(t *testing.T) {
	d := &decoys{key: []byte("a key")}
	const users = 2000
	seconds, shapes := 0, map[string]int{}
	for i := range users {
		made := d.forUsername(fmt.Sprint("user ", i))
		seconds += len(made) - 1
		shapes[strings.Join(made[0].Transports, " ")+" "+strconv.Itoa(len(made[0].ID))]++
	}
	if share := 100 * seconds / users; share < secondPasskeyPercent/2 || share > secondPasskeyPercent*2 {
		t.Errorf("%d%% have two passkeys", share)
	}
	want := []string{"hybrid internal 22", "hybrid internal 27", "internal 43", "usb 64"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(shapes))); diff != "" {
		t.Error("shapes (-want +got):\n" + diff)
	}
}
