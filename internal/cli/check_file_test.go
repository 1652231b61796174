package cli

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/internal/checks"
	"github.com/passrig/passrig/scenarios"
	"github.com/passrig/passrig/virtual/forge"
)

// A file's checks know the same words as the suite.
func TestChecksOfAFileSpeakAsTheSuite(t *testing.T) {
	t.Parallel()
	for member, want := range map[string][]string{
		"Tier":   texts([]checks.Tier{checks.TierSmoke, checks.TierCore, checks.TierAll}),
		"Allow":  texts(consents()),
		"FailOn": texts(checks.Severities()),
	} {
		field, _ := reflect.TypeFor[scenarios.Checks]().FieldByName(member)
		if diff := cmp.Diff(want, strings.Split(field.Tag.Get("enum"), ",")); diff != "" {
			t.Errorf("%s (-suite +file):\n%s", member, diff)
		}
	}
}

// Every change can be named in the ceremonies that it is for, with the value of its example.
func TestEveryChangeCanBeNamed(t *testing.T) {
	t.Parallel()
	all := changes()
	for _, kind := range forge.Kinds() {
		c := all[kind.Name]
		if !c.Registration && !c.Login {
			t.Errorf("%s is for no ceremony", kind.Name)
		}
		if err := c.Fits(kind.Example); err != nil {
			t.Errorf("%s: %v", kind.Name, err)
		}
		if c.Fits(struct{ X chan int }{}) == nil {
			t.Errorf("%s takes anything at all", kind.Name)
		}
	}
}
