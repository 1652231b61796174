package html_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/internal/golden"
)

// settle waits until the search has said something else than before.
const settle = `new Promise((done, fail) => {
	const said = document.getElementById("find-count");
	new MutationObserver(() => done(said.textContent)).observe(said, {childList: true, characterData: true, subtree: true});
	setTimeout(() => fail("the search says nothing new"), 60000);
	%s
})`

// search does something with the search, and returns what it then says.
func (tb *tab) search(action string) string {
	tb.t.Helper()
	var said string
	tb.eval(fmt.Sprintf(settle, action), &said)
	return said
}

// typed is an action: letters typed into the field.
func typed(text string) string {
	return fmt.Sprintf(`const field = document.getElementById("find-text"); field.focus(); field.select(); document.execCommand("insertText", false, %q);`, text)
}

func (tb *tab) text(expression string) string {
	tb.t.Helper()
	var text string
	tb.eval(expression, &text)
	return text
}

// shown are the titles of the results that can be seen.
const shown = `[...document.querySelectorAll(".case h3, .items .name, .thresholds th[scope=row] code")].filter(e => e.getClientRects().length).map(e => e.firstChild.textContent.trim()).join("|")`

func TestFind(t *testing.T) {
	tb := newBrowser(t).open(write(t, golden.Load(t, "mixed")), mode{width: 1280, scheme: "light"})
	want := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	want("at the start", tb.text(`document.getElementById("find-count").textContent`), "15 results")
	want("words", tb.search(typed("BOB signed")), "1 of 15 results")
	want("words", tb.text(shown), "login bob on yubikey with the deleted passkey|login bob on yubikey with the deleted passkey")
	want("other sections", tb.text(`[...document.querySelectorAll("main > section")].filter(e => e.getClientRects().length).map(e => e.querySelector("h2").textContent).join("|")`), "Needs attention|All steps")
	want("contents", tb.text(`[...document.querySelectorAll("nav a")].filter(e => e.getClientRects().length).map(e => e.textContent).join("|")`), "Needs attention|All steps")
	want("evidence", tb.search(typed("connection reset by peer")), "1 of 15 results")
	want("the name of a scenario", tb.search(typed("phone, logout")), "0 of 15 results")
	want("nothing", tb.text(shown), "")
	want("escape", tb.search(`field = document.getElementById("find-text"); field.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true}))`), "15 results")
	want("nothing hidden", tb.text(`String(document.querySelectorAll("main [hidden], nav [hidden]").length)`), "0")

	// With the keyboard alone: from the field to the box of failures, which a space ticks.
	tb.eval(`document.getElementById("find-text").focus()`, nil)
	tb.press("Tab", "\t")
	want("next to the field", tb.text(`document.activeElement.value`), "fail")
	tb.press(" ", " ")
	tb.eval(`new Promise(done => setTimeout(done, 200))`, nil)
	want("failures", tb.text(`document.getElementById("find-count").textContent`), "4 of 15 results")
	want("failures in the tree", tb.accessible("status"), "4 of 15 results")
	tb.eval(`document.getElementById("find-text").focus()`, nil)
	tb.press("Enter", "\r")
	want("enter", tb.text(`document.activeElement.id`), "step-2")

	// A link leads to what is filtered out.
	tb.eval(`location.hash = ""; document.querySelector("main").insertAdjacentHTML("beforeend", "<p><a id='probe' href='#step-1'>x</a></p>"); document.getElementById("probe").click()`, nil)
	want("after the link", tb.text(`document.getElementById("find-count").textContent`), "15 results")
	want("where the link leads", tb.text(`String(document.getElementById("step-1").open)`), "true")
	for _, c := range tb.complaints() {
		t.Error(c)
	}
}

// accessible is the name or text of the first node with a role in the accessibility tree.
func (tb *tab) accessible(role string) string {
	tb.t.Helper()
	type value struct{ Value string }
	var tree struct {
		Nodes []struct {
			NodeID, ParentID string
			Ignored          bool
			Role, Name       value
		}
	}
	tb.do("Accessibility.getFullAXTree", nil, &tree)
	for _, n := range tree.Nodes {
		if n.Role.Value != role || n.Ignored {
			continue
		}
		for _, child := range tree.Nodes {
			if child.ParentID == n.NodeID && child.Role.Value == "StaticText" {
				return child.Name.Value
			}
		}
		return n.Name.Value
	}
	tb.t.Fatalf("the accessibility tree has no %s", role)
	return ""
}

// What is folded away is unfolded when it is found, and folded again afterwards.
func TestFindUnfolds(t *testing.T) {
	tb := newBrowser(t).open(write(t, suiteRun()), mode{width: 390, scheme: "dark"})
	open := func() string { return tb.text(`String(document.querySelectorAll("details.fold[open]").length)`) }
	if open() != "0" {
		t.Fatal("a fold is open")
	}
	if said := tb.search(typed("reg-21")); said != "1 of 40 results" || open() != "1" {
		t.Errorf("%s, %s open", said, open())
	}
	if said := tb.search(typed("reg-11")); said != "1 of 40 results" || open() != "1" {
		t.Errorf("%s, %s open", said, open())
	}
	if said := tb.search(`document.getElementById("find-all").click()`); said != "40 results" || open() != "0" {
		t.Errorf("%s, %s open", said, open())
	}
	if found := tb.axe(axeSource(t)).String(); found != "" {
		t.Error(found)
	}
	kinds := tb.text(`[...document.querySelectorAll(".find .kind")].filter(e => e.getClientRects().length).map(e => e.textContent).join("|")`)
	if want := "✗fail 2|✗tolerated 1|∅not applicable 1|✓pass 36"; kinds != want {
		t.Errorf("%q, want %q", kinds, want)
	}
}

// Without scripts nothing is missing but the search.
func TestWithoutScripts(t *testing.T) {
	b := newBrowser(t)
	for name, document := range documents(t) {
		var texts []string
		for _, m := range []mode{{1280, "light", false}, {1280, "light", true}} {
			tb := b.open(document, m)
			texts = append(texts, tb.text(`document.querySelector("header").innerText + document.querySelector("nav").innerText + document.querySelector("main").innerText`))
			if m.noJS {
				if said := tb.text(`document.getElementById("find").innerText + document.getElementById("find").getClientRects().length`); !strings.HasSuffix(said, "0") {
					t.Errorf("%s: the search is there without its script: %s", name, said)
				}
			}
			tb.close()
		}
		if texts[0] != texts[1] || len(texts[0]) < 100 {
			t.Errorf("%s reads differently without scripts", name)
		}
	}
}

// On paper nothing is cut off at the right, what failed stands open, and the colors are dark on white.
func TestPrint(t *testing.T) {
	b := newBrowser(t)
	const inside = 718 // CSS pixels between the margins of DIN A4
	for name, document := range documents(t) {
		if strings.HasPrefix(name, "matrix") {
			continue // has paper of its own
		}
		tb := b.open(document, mode{width: inside, scheme: "dark"})
		tb.do("Emulation.setEmulatedMedia", map[string]any{"media": "print", "features": []any{map[string]any{"name": "prefers-color-scheme", "value": "dark"}}}, nil)
		if wide := tb.wider(); wide != "" {
			t.Errorf("%s: %s", name, wide)
		}
		if cut := tb.text(`[...document.querySelectorAll(".scroll, .mx-scroll, .mx-glance-scroll, pre")].filter(e => e.getClientRects().length && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1))
			.map(e => e.scrollWidth + " of " + e.clientWidth + ": " + (e.ariaLabel ?? "") + " " + e.innerText.slice(0, 60)).join("\n")`); cut != "" {
			t.Errorf("%s is cut off:\n%s", name, cut)
		}
		if folded := tb.text(`String([...document.querySelectorAll(".case pre, .case .fields")].filter(e => !e.checkVisibility({contentVisibilityAuto: true})).length)`); folded != "0" {
			t.Errorf("%s: %s parts of what failed are not printed", name, folded)
		}
		if color := tb.text(`getComputedStyle(document.body).color + getComputedStyle(document.body).backgroundColor`); color != "rgb(0, 0, 0)rgb(255, 255, 255)" {
			t.Errorf("%s is printed in %s", name, color)
		}
		if pdf := tb.print(); len(pdf) < 10_000 {
			t.Errorf("%s: a PDF of %d bytes", name, len(pdf))
		}
		tb.close()
	}
}

// A search of thousands of results takes no longer for each of them than one of a few.
func TestFindAmongMany(t *testing.T) {
	run := suiteRun()
	for i := range 5000 {
		run.Checks = append(run.Checks, report.Check{ID: fmt.Sprintf("many-%d", i), Title: "t", Ceremony: "registration", Verdict: report.VerdictPass})
	}
	tb := newBrowser(t).open(write(t, run), mode{width: 1280, scheme: "light"})
	if said := tb.search(typed("many-4321")); said != "1 of 5040 results" {
		t.Error(said)
	}
}
