package scenarios

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseSelector(t *testing.T) {
	for text, want := range map[string]Selector{
		`role=button`:                         {Role: "button"},
		`role=button[name="Sign in"]`:         {Role: "button", Name: "Sign in"},
		`role=link[name="Say "hi" [here="]"]`: {Role: "link", Name: `Say "hi" [here="]`},
		"label=User\n name ":                  {Label: "User name"},
		`text=a = b`:                          {Text: "a = b"},
		`text=role=button`:                    {Text: "role=button"},
		` [name="role="] > a `:                {CSS: `[name="role="] > a`},
		`#text`:                               {CSS: "#text"},
	} {
		got, err := ParseSelector(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{
		"", " \n", "role=", "label= ", "text=", "role=knob", "role=button[]", `role=button[name=""]`, `role=button[name="a]`,
		"xpath=//a", "Role=button", `role=button[name="a"][disabled]`,
	} {
		if got, err := ParseSelector(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, got)
		}
	}
}

// A name that comes from an expression is found whatever is in it, but for its white space.
func TestSelectorNamesAreSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[^\s\pZ\pC](.*[^\s\pZ\pC])?`).Draw(t, "name")
		got, err := ParseSelector(`role=button[name="` + name + `"]`)
		label, labelErr := ParseSelector("label=" + name)
		if err != nil || labelErr != nil || got.Role != "button" || got.Name != label.Label {
			t.Fatalf("%+v %v, %+v %v", got, err, label, labelErr)
		}
	})
}

// What browsers take is not refused.
func TestSelectorsOfBrowsers(t *testing.T) {
	for _, css := range []string{
		"button", "main button.primary", "svg path", "my-element", "a:is(.x, .y)", "li:has(> [aria-describedby='passkey-a_-'])",
		"input:focus-visible", "#a\\:b", "p:nth-of-type(2n+1)", "a[href^='/x' i]", "h2 + p, h3 ~ p", "video", "*",
	} {
		if problem, _ := selectorProblem(NewText(css)); problem != "" {
			t.Errorf("%s: %s", css, problem)
		}
	}
}

func TestPages(t *testing.T) {
	a, err := LoadAdapter("testdata/ok/rp.yaml", Options{})
	if err != nil {
		t.Fatal(err)
	}
	actions := map[string]int{}
	for _, op := range a.Operations {
		if op.Page == nil {
			continue
		}
		for i := range op.Page.Steps {
			step := &op.Page.Steps[i]
			actions[step.Action()]++
			if step.Pos.Line == 0 {
				t.Errorf("a %s step has no place", step.Action())
			}
		}
	}
	if len(actions) != 8 || actions[""] != 0 {
		t.Errorf("the fixture has %d actions of 8: %v", len(actions), actions)
	}
	for name, want := range map[string]bool{OpRename: false, OpDelete: true, OpSignup: false} {
		if got := a.Operations[name].Page.Uses("entry"); got != want {
			t.Errorf("the page of %s uses entry: %t", name, got)
		}
	}
	if (&PageStep{Goto: NewText("")}).Action() != "goto" || (&PageStep{}).Action() != "" {
		t.Error("an action with an empty text is still one")
	}
	same, err := LoadAdapter("passport", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if same.Operations[OpLogin].Page == nil || len(same.Operations[OpLogin].Page.Steps) != len(same.Operations[OpLoginDiscoverable].Page.Steps) {
		t.Error("same-as has no page")
	}
}
