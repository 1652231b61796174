package scenarios_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/passrig/passrig/scenarios"
)

// whoamiOf is the whoami operation of an adapter with one step.
func whoamiOf(t *testing.T, step string) scenarios.HTTPStep {
	t.Helper()
	text := "passrig-adapter: 1\nname: test\noperations:\n  whoami:\n    result: {user: body.user}\n    steps:\n      - {path: /w, save: {s: body.s}}\n      - " + step + "\n"
	a, err := scenarios.LoadAdapter("a.yaml", scenarios.Options{ReadFile: func(string) ([]byte, error) { return []byte(text), nil }})
	if err != nil {
		t.Fatal(err)
	}
	return a.Operations["whoami"].Steps[1]
}

// show writes a condition as a tree.
func show(c scenarios.Condition) string {
	if len(c.Of) > 0 {
		parts := make([]string, len(c.Of))
		for i, inner := range c.Of {
			parts[i] = show(inner)
		}
		return fmt.Sprintf("%s(%s)", c.Test, strings.Join(parts, ", "))
	}
	return fmt.Sprintf("%s %s %v", showPlace(c.Place), c.Test, c.Value)
}

func showPlace(p scenarios.Place) string {
	names := []string{p.Root}
	for _, m := range p.Members {
		if m.Optional {
			names[len(names)-1] += "?"
		}
		names = append(names, m.Name)
	}
	return strings.Join(names, ".")
}

func TestCondition(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`status == 200`:                           `status == 200`,
		`status in 200..299`:                      `and(status from 200, status to 299)`,
		`status in [200, 201]`:                    `or(status == 200, status == 201)`,
		`status > 399 && status < 500`:            `and(not(status to 399), not(status from 500))`,
		`status >= 400 and status <= 499`:         `and(status from 400, status to 499)`,
		`body.ok == true`:                         `body.ok == true`,
		`body.ok != null`:                         `not(body.ok == <nil>)`,
		`body.data["a-b"] == "x"`:                 `body.data.a-b == x`,
		`body?.data["a-b"] == "x"`:                ``, // the chain ends before the bracket
		`not body.ok`:                             `not(body.ok true <nil>)`,
		`body.a || !(body.b contains "x")`:        `or(body.a true <nil>, not(body.b contains x))`,
		`type(body?.url) == "string"`:             `body?.url type string`,
		`body.url startsWith "x"`:                 ``,
		`body.list[0] == 1`:                       ``,
		`len(body) > 1`:                           ``,
		`body.a == body.b`:                        ``,
		`body.n > 1`:                              ``,
		`status == 200 && any(body, # == 1)`:      ``,
		`body.a == 1.5`:                           ``,
		`body?.a.b == 1`:                          `body?.a.b == 1`,
		`status in body.list`:                     ``,
		`status == 200 ? body.a : body.b`:         ``,
		`body.url not contains "x"`:               `not(body.url contains x)`,
		`let b = body; b.ok`:                      ``,
		`status == 200 && body.ok || body == nil`: `or(and(status == 200, body.ok true <nil>), body == <nil>)`,
	} {
		step := whoamiOf(t, "{path: /x, accept: '"+source+"'}")
		got := ""
		if c, ok := step.Accept.Condition(); ok {
			got = show(c)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", source, diff)
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{
		`body`: `body`, `body.a.b`: `body.a.b`, `body?.a?.b`: `body?.a?.b`, `headers["x-y"]`: `headers.x-y`,
		`null`: ``, `body.a[0]`: ``, `body.a + "x"`: ``, `json(body)`: ``, `body[text]`: ``,
	} {
		step := whoamiOf(t, "{path: /x, save: {v: '"+source+"'}}")
		got := ""
		if p, ok := step.Save["v"].JSON.Place(); ok {
			got = showPlace(p)
		}
		if got != want {
			t.Errorf("%s is the place %q, want %q", source, got, want)
		}
	}
	if _, ok := (scenarios.Expr{}).Place(); ok {
		t.Error("no expression is a place")
	}
	if _, ok := (scenarios.Expr{}).Condition(); ok {
		t.Error("no expression is a condition")
	}
}

func TestRelies(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]scenarios.Reliance{
		"plain": scenarios.Constant, "${{ target.origin }}": scenarios.Constant, "${{ signedIn ? 1 : 2 }}": scenarios.Constant,
		"x${{ user.name }}y": scenarios.Carries, "${{ user }}": scenarios.Carries, "${{ json([user.name, 1]) }}": scenarios.Carries,
		"${{ 'a' + urlEncode(saved.s) }}": scenarios.Carries, "${{ signedIn ? '' : user.email }}": scenarios.Carries, "${{ {'a': user.email} }}": scenarios.Carries,
		"${{ user?.email }}": scenarios.Carries, "${{ user.email == 'x' ? 1 : 2 }}": scenarios.Computes, "${{ saved.s ?? 'x' }}": scenarios.Computes,
		"${{ user.email[0:2] }}": scenarios.Computes, "${{ upper(user.email) }}": scenarios.Computes, "${{ user['na' + 'me'] }}": scenarios.Computes,
		"${{ let u = user; u.name }}": scenarios.Computes, "${{ user.name + '1' == 'x1' }}": scenarios.Computes,
		"${{ target.origin }}${{ saved.s }}": scenarios.Carries,
	} {
		step := whoamiOf(t, `{path: /x, json: {v: "`+text+`"}}`)
		if got := step.JSON.Relies("user", "saved"); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}
