package shape

import (
	"math"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type inner struct {
	Deep string `yaml:"deep,required" enum:"a,b"`
}

type outer struct {
	Skipped string            `yaml:"-"`
	Plain   string            // no tag: not a field
	Name    string            `yaml:"name,required" pattern:"^x" doc:"D." example:"x"`
	Inner   inner             `yaml:",inline"`
	Count   int               `yaml:"count" min:"0" max:"9" action:"true"`
	Other   int               `yaml:"other" action:"true" scalar:"true"`
	JSON    map[string]string `yaml:"json" body:"body" keys:"k,l" names:"label" scope:"s" ref:"r"`
	Use     string            `yaml:"use" alone:"name" signed:"true" quoted:"true" condition:"true"`
	Lonely  string            `yaml:"lonely" alone:""`
}

func TestFields(t *testing.T) {
	str, num := reflect.TypeFor[string](), reflect.TypeFor[int]()
	none := func(f Field) Field {
		f.Low, f.High = math.MinInt, math.MaxInt
		return f
	}
	want := []Field{
		none(Field{Name: "name", Type: str, Index: []int{2}, Required: true, Pattern: "^x", Doc: "D.", Example: "x"}),
		none(Field{Name: "deep", Type: str, Index: []int{3, 0}, Required: true, Enum: []string{"a", "b"}}),
		{Name: "count", Type: num, Index: []int{4}, Low: 0, High: 9, Choice: "action"},
		none(Field{Name: "other", Type: num, Index: []int{5}, Choice: "action", Scalar: true}),
		none(Field{
			Name: "json", Type: reflect.TypeFor[map[string]string](), Index: []int{6}, Most: "body",
			Keys: []string{"k", "l"}, Names: "label", Scope: "s", Ref: "r",
		}),
		none(Field{Name: "use", Type: str, Index: []int{7}, Alone: []string{"name"}, Signed: true, Quoted: true, Condition: true}),
		none(Field{Name: "lonely", Type: str, Index: []int{8}, Alone: []string{}}),
	}
	index := Index{}
	for range 2 { // read, and remembered
		fields := index.Fields(reflect.TypeFor[outer]())
		if diff := cmp.Diff(want, fields, cmp.Comparer(func(a, b reflect.Type) bool { return a == b })); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	if noun, names := Choices(want); noun != "action" || !cmp.Equal(names, []string{"count", "other"}) {
		t.Error(noun, names)
	}
	if noun, names := AtMostOne(want); noun != "body" || !cmp.Equal(names, []string{"json"}) {
		t.Error(noun, names)
	}
	if short, ok := Short(want); !ok || short.Name != "other" {
		t.Error(short, ok)
	}
	if want[4].NamePattern() != LabelPattern || want[0].NamePattern() != "" {
		t.Error("wrong name pattern")
	}
}
