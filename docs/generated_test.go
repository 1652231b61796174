package docs_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// compareGenerated compares the part of a document that is made from the code with what the code says now, or rewrites
// it. The part has a name, which stands in the comment before it.
func compareGenerated(t *testing.T, doc, name, want string) {
	t.Helper()
	const end = "<!-- end of generated -->"
	begin := "<!-- generated: " + name + " -->"
	data, err := os.ReadFile(doc)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s has no generated part between %q and %q", doc, begin, end)
	}
	want = "\n\n" + want + "\n"
	if *update {
		if err := os.WriteFile(doc, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/%s is not what the code says (-want +got); make golden rewrites it\n%s", doc, diff)
	}
}
