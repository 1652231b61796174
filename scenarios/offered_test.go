package scenarios

import (
	"strings"
	"testing"
)

// A step that asks itself what the adapter offers is no mistake where the operation is not there; any other is.
func TestStepsThatAskWhatIsOffered(t *testing.T) {
	for step, want := range map[string]string{
		`{logout: {user: alice}}`:                                          `the adapter "fido" offers no logout`,
		`{logout: {user: alice}, when: 1 == 2}`:                            `the adapter "fido" offers no logout`,
		`{logout: {user: alice}, when: '"logout" in target.operations'}`:   "",
		`{logout: {user: alice}, when: '"logout" in target.operatoins'}`:   `unknown name "target.operatoins"`,
		`{register: {user: alice, on: laptop}, when: "params.needed > 1"}`: "",
	} {
		files := map[string]string{"a.yaml": small + "  - " + step + "\n"}
		_, err := Load("a.yaml", Options{Params: map[string]string{"needed": "1"}, ReadFile: reader(files)})
		if (want == "") != (err == nil) || want != "" && !strings.Contains(errText(err), want) {
			t.Errorf("%s: got %v, want %q", step, err, want)
		}
	}
}

func TestAccountTypeFromAParam(t *testing.T) {
	for kind, want := range map[string]string{
		"work": "",
		`""`:   "",
		"home": `a.yaml:5:17: unknown value "home"`,
	} {
		text := "passrig: 1\ntarget: {adapter: fido, origin: \"http://localhost:1\"}\nparams: {kind: {default: personal}}\n" +
			"accounts:\n  alice: {type: \"${{ params.kind }}\", devices: {laptop: {}}}\nsteps:\n  - register: {user: alice, on: laptop}\n"
		f, err := Load("a.yaml", Options{Params: map[string]string{"kind": kind}, ReadFile: reader(map[string]string{"a.yaml": text})})
		if (want == "") != (err == nil) || want != "" && !strings.Contains(errText(err), want) {
			t.Errorf("%s: got %v, want %q", kind, err, want)
		}
		if err == nil && f.Accounts["alice"].Type != strings.Trim(kind, `"`) {
			t.Errorf("%s: the type is %q", kind, f.Accounts["alice"].Type)
		}
	}
}
