package topics_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"github.com/passrig/passrig/internal/load/ledger"
	"github.com/passrig/passrig/internal/topics"
)

// constants returns the string constants of a type in a source file: a word that the code can put
// into its output must be one that can be explained.
func constants(t *testing.T, file, typeName string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if name, ok := spec.Type.(*ast.Ident); ok && name.Name == typeName {
			for _, v := range spec.Values {
				text, err := strconv.Unquote(v.(*ast.BasicLit).Value)
				if err != nil {
					t.Fatal(err)
				}
				values = append(values, text)
			}
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("no constants of type %s in %s", typeName, file)
	}
	return values
}

func TestEveryWordOfTheOutputHasATopic(t *testing.T) {
	for _, source := range []struct{ file, typeName string }{
		{"../rp/fault.go", "FaultKind"},
		{"../rp/party.go", "Outcome"},
		{"../../report/run.go", "Verdict"},
		{"../../virtual/errors.go", "ErrorName"},
	} {
		for _, word := range constants(t, source.file, source.typeName) {
			if _, ok := topics.Find(topics.All(), word); !ok {
				t.Errorf("no topic %q, which is a %s", word, source.typeName)
			}
		}
	}
	for class := ledger.Class(0); class.String() != "unknown"; class++ {
		if !has(class.String()) {
			t.Errorf("no topic %q, which is how an operation of a load can end", class)
		}
	}
	for _, code := range []int{0, 1, 2, 3, 130} {
		if id := "exit-" + strconv.Itoa(code); !has(id) {
			t.Errorf("no topic %q", id)
		}
	}
}

func has(id string) bool {
	_, ok := topics.Find(topics.All(), id)
	return ok
}

func TestTopicsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, topic := range topics.All() {
		if key := strings.ToLower(topic.ID); seen[key] {
			t.Errorf("two topics %q", topic.ID)
		} else {
			seen[key] = true
		}
		if topic.Title == "" || topic.What == "" || topic.Kind == "" {
			t.Errorf("%s: title, kind or what is empty", topic.ID)
		}
		if strings.HasSuffix(topic.Title, ".") || strings.Contains(topic.Title, "\n") {
			t.Errorf("%s: title %q is not a headline", topic.ID, topic.Title)
		}
		for _, see := range topic.See {
			if !has(see) || see == topic.ID {
				t.Errorf("%s: see %q leads nowhere", topic.ID, see)
			}
		}
	}
}

func TestFindIgnoresCase(t *testing.T) {
	if topic, ok := topics.Find(topics.All(), "notallowederror"); !ok || topic.ID != "NotAllowedError" {
		t.Errorf("got %q, %v", topic.ID, ok)
	}
	if _, ok := topics.Find(topics.All(), "nothing"); ok {
		t.Error("found a topic that does not exist")
	}
}
