package cdp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// giveUp is why a step that waits in vain failed. A busy machine is given more time, until it has looked at the page.
func giveUp(t *testing.T, p *Page, step Step) error {
	t.Helper()
	for limit := 120 * time.Millisecond; ; limit *= 4 {
		ctx, cancel := context.WithTimeout(t.Context(), limit)
		_, err := p.Do(ctx, step)
		cancel()
		if err == nil || !strings.Contains(err.Error(), "there is no document") || limit > 10*time.Second {
			return err
		}
	}
}

// Every failing step says what it was waiting for and shows the page.
func TestStepErrors(t *testing.T) {
	b := chrome(t)
	p := newDevice(t, b, DeviceConfig{}).Page()
	must(t, p.Goto(t.Context(), html(t, `<title>t</title><style>.over { position: fixed; inset: 0 }</style>
		<button id=off disabled>Off</button><button id=twin>Twin</button><button>Twin</button><button id=none style="display: none">None</button>
		<input id=ro readonly><select id=s><option>One</option></select><div id=host></div><p id=p>Hello</p>
		<script>console.warn("careful", 42); host.attachShadow({mode: "open"}).innerHTML = "<button>Deep</button>"; setTimeout(() => { throw new Error("boom") })</script>`)))
	for _, c := range []struct {
		step Step
		want string
	}{
		{Step{Action: ActionClick, Selector: "#missing", Value: ""}, `nothing matches`},
		{Step{Action: ActionClick, Selector: "#off", Value: ""}, `is disabled`},
		{Step{Action: ActionClick, Selector: `role=button[name="Twin"]`, Value: ""}, `2 elements match: <button id="twin"> "Twin"`},
		{Step{Action: ActionClick, Selector: "#none", Value: ""}, `is not visible`},
		{Step{Action: ActionFill, Selector: "#ro", Value: "x"}, `is read-only`},
		{Step{Action: ActionFill, Selector: "#p", Value: "x"}, `cannot be filled in`},
		{Step{Action: ActionSelect, Selector: "#s", Value: "Two"}, `has no option "Two"`},
		{Step{Action: ActionWaitGone, Selector: "#p", Value: ""}, `is still visible`},
		{Step{Action: ActionExpectText, Selector: "#p", Value: "Bye"}, `the text is "Hello"`},
		{Step{Action: ActionClick, Selector: "p[", Value: ""}, `not a valid selector`},
		{Step{Action: ActionClick, Selector: "", Value: ""}, `selector is empty`},
		{Step{Action: ActionClick, Selector: "role=Button!", Value: ""}, `want role=button`},
		{Step{Action: ActionPress, Selector: "", Value: "Entr"}, `key "Entr" is not known`},
		{Step{Action: ActionWait, Selector: "frame=nope >> p", Value: ""}, `there is no such frame`},
		{Step{Action: ActionEvaluate, Selector: "", Value: "nope()"}, `the page threw: ReferenceError: nope is not defined`},
		{Step{Action: ActionEvaluate, Selector: "", Value: "Promise.reject(new TypeError('no'))"}, `TypeError: no`},
		{Step{Action: "dance"}, `unknown action "dance"`},
	} {
		err := giveUp(t, p, c.step)
		failure, ok := errors.AsType[*StepError](err)
		if !ok || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %v, want a step error with %q", c.step, err, c.want)
			continue
		}
		e := failure.Evidence
		if !strings.Contains(e.DOM, "Hello") || strings.Contains(e.DOM, "attachShadow") || !strings.HasPrefix(e.URL, "http://localhost") {
			t.Errorf("%v: evidence %q %q", c.step, e.URL, e.DOM)
		}
		if !b.hidden() && !bytes.HasPrefix(e.Screenshot, []byte("\x89PNG")) {
			t.Errorf("%v: no screenshot", c.step)
		}
	}
	must(t, p.Click(t.Context(), `role=button[name="Deep"]`))
	must(t, p.Click(t.Context(), `role=button[name*="twin"] >> nth=0`))
	must(t, p.Click(t.Context(), `role=button[name*="twin"] >> nth=1`))
	if _, err := p.Do(t.Context(), Step{Action: ActionClick, Selector: `role=button[name*="twin"]`, First: true}); err != nil {
		t.Error(err)
	}
	if i, err := p.WaitAny(t.Context(), "#missing", `role=button[name*="twin"]`); err != nil || i != 1 {
		t.Errorf("of two selectors, number %d: %v", i, err)
	}
	lines := fmt.Sprint(p.Log())
	for _, want := range []string{"console warning careful 42", "error error Error: boom"} {
		if !strings.Contains(lines, want) {
			t.Errorf("log %s, want %q", lines, want)
		}
	}
}

// Steps wait: for what appears, is enabled, or uncovered later.
func TestWaiting(t *testing.T) {
	ctx := t.Context()
	p := newDevice(t, chrome(t), DeviceConfig{}).Page()
	must(t, p.Goto(ctx, html(t, `<div id=over style="position: fixed; inset: 0">wait</div><button id=b disabled>Late</button><p id=out></p>
		<input aria-label="Name" onkeydown="out.textContent = 'key ' + event.key"><select aria-label="Color"><option value=r>Red</option><option value=g>Green</option></select>
		<script>setTimeout(() => { b.disabled = false }, 60); setTimeout(() => over.remove(), 120); b.onclick = () => { out.textContent = "clicked" };
		document.querySelector("select").onchange = e => { out.textContent = e.target.value }</script>`)))
	must(t, p.Click(ctx, "role=button"))
	must(t, p.ExpectText(ctx, "#out", "clicked"))
	must(t, p.Press(ctx, "label=Name", "Enter"))
	must(t, p.ExpectText(ctx, "#out", "key Enter"))
	must(t, p.Press(ctx, "", "x"))
	if got := evaluate[string](t, p, `document.querySelector("input").value`); got != "x" {
		t.Errorf("typed %q", got)
	}
	must(t, p.Select(ctx, "label=Color", "Green"))
	must(t, p.ExpectText(ctx, "#out", "g"))
	if got, err := p.Text(ctx, "#out"); err != nil || got != "g" {
		t.Errorf("text %q, %v", got, err)
	}
	// A click that leaves the page is done once, and the next step finds the next page.
	must(t, p.Goto(ctx, html(t, `<script>document.write("<a href='?n=" + (Number(new URLSearchParams(location.search).get("n")) + 1) + "'>Next</a> " + location.search)</script>`)))
	for i := range 5 {
		must(t, p.Click(ctx, "role=link[name=\"Next\"]"))
		must(t, p.ExpectText(ctx, "", fmt.Sprintf("?n=%d", i+1)))
	}
}

// A dialog box does not stop the page, and is noted.
func TestDialogs(t *testing.T) {
	p := newDevice(t, chrome(t), DeviceConfig{}).Page()
	must(t, p.Goto(t.Context(), html(t, `<button onclick="out.textContent = confirm('Sure?') + ' ' + prompt('Why?')">Ask</button><p id=out></p>`)))
	must(t, p.Click(t.Context(), "role=button"))
	must(t, p.ExpectText(t.Context(), "#out", "false null"))
	if lines := fmt.Sprint(p.Log()); !strings.Contains(lines, "confirm: Sure? (dismissed)") {
		t.Errorf("log %s", lines)
	}
}

// Nor does one that wants to keep the person on the page, one in a frame, or one during a ceremony.
func TestDialogsInTheWay(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			p := newDevice(t, chrome(t), cfg).Page()
			inner := html(t, `<script>alert("from a frame")</script><p>framed</p>`)
			page := html(t, `<script>addEventListener("beforeunload", e => { e.preventDefault(); e.returnValue = "stay" })</script><iframe name=f src="`+inner+`"></iframe>`)
			must(t, p.Goto(ctx, page))
			must(t, p.ExpectText(ctx, "frame=f >> p", "framed"))
			made := evaluate[outcome](t, p, `{ const made = `+createScript("localhost", "alice", "")+`; alert("meanwhile"); made }`)
			if made.ID == "" {
				t.Errorf("beside a dialog box: %+v", made)
			}
			must(t, p.Goto(ctx, html(t, `<button onclick="throw new RangeError('too far')">Throw</button><p>left</p>`)))
			must(t, p.ExpectText(ctx, "p", "left"))
			must(t, p.Click(ctx, "role=button"))
			eventually(t, func() bool { return strings.Contains(fmt.Sprint(p.Log()), "RangeError: too far") })
			lines := fmt.Sprint(p.Log())
			for _, want := range []string{"alert: from a frame (dismissed)", "alert: meanwhile (dismissed)", "beforeunload: (left all the same)"} {
				if !strings.Contains(lines, want) {
					t.Errorf("log %s, want %q", lines, want)
				}
			}
		})
	}
}

func TestNavigationErrors(t *testing.T) {
	p := newDevice(t, chrome(t), DeviceConfig{}).Page()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	defer untrusted.Close()
	for address, want := range map[string]string{
		strings.Replace(untrusted.URL, "127.0.0.1", "localhost", 1): "certificate is not trusted",
		"http://localhost:1": "",
		"nonsense":           "invalid URL",
	} {
		if err := p.Goto(t.Context(), address); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

// A page that is left, or closed, during a ceremony ends it with a sentence.
func TestLeftDuringCeremony(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			address := html(t, "")
			must(t, p.Goto(t.Context(), address))
			must(t, d.SetUserPresent(t.Context(), false))
			pending := `navigator.credentials.get({publicKey: {challenge: new Uint8Array(16), timeout: 60000}})`
			_, err := p.Evaluate(t.Context(), `setTimeout(() => location.reload(), 50), `+pending)
			if err == nil || !strings.Contains(err.Error(), "the page was left meanwhile") {
				t.Errorf("left: %v", err)
			}
			must(t, p.ExpectText(t.Context(), "", ""))
			go func() {
				p.target.session.conn.Call(context.Background(), "", "Target.closeTarget", map[string]string{"targetId": p.target.id}) //nolint:errcheck // the page's end is what counts
			}()
			if _, err = p.Evaluate(t.Context(), pending); !errors.Is(err, errClosed) {
				t.Errorf("closed: %v", err)
			}
		})
	}
}

// A run that was killed leaves a profile and its lock file, but no lock: the next start removes both.
// What another run holds stays.
func TestStaleProfiles(t *testing.T) {
	dir := t.TempDir()
	stale := filepath.Join(dir, profilePrefix+"stale")
	must(t, os.MkdirAll(filepath.Join(stale, "Default"), 0o700))
	must(t, os.WriteFile(stale+lockSuffix, nil, 0o600))
	other := filepath.Join(dir, "unrelated")
	must(t, os.Mkdir(other, 0o700))
	held, err := newProfile(dir)
	must(t, err)
	second, err := newProfile(dir)
	must(t, err)
	if left, _ := filepath.Glob(stale + "*"); len(left) > 0 {
		t.Errorf("stale: %v", left)
	}
	for _, want := range []string{held.dir, second.dir, other} {
		if _, err := os.Stat(want); err != nil {
			t.Error(err)
		}
	}
	must(t, held.remove())
	must(t, second.remove())
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left: %v", left)
	}
}

func TestFind(t *testing.T) {
	installed := func(names ...string) func(string) (string, error) {
		return func(file string) (string, error) {
			for _, name := range names {
				if name == file {
					return "/bin/" + name, nil
				}
			}
			return "", os.ErrNotExist
		}
	}
	env := func(value string) func(string) (string, bool) {
		return func(key string) (string, bool) { return value, key == EnvironmentVariable }
	}
	for _, c := range []struct {
		look func(string) (string, error)
		env  string
		want string
	}{
		{installed("chromium", "google-chrome"), "", "/bin/chromium"},
		{installed("microsoft-edge"), "", "/bin/microsoft-edge"},
		{installed("chromium", "mine"), "mine", "/bin/mine"},
		{installed("chromium"), "mine", ""},
		{installed(), "", ""},
	} {
		got, err := Find(c.look, env(c.env))
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("with %q: %q, %v, want %q", c.env, got, err, c.want)
		}
		if missing, ok := errors.AsType[*MissingError](err); err != nil && (!ok || missing.Wanted != c.env || !strings.Contains(missing.Hint(), "install")) {
			t.Errorf("with %q: %v", c.env, err)
		}
	}
}

// What cannot be started is said, and leaves nothing behind.
func TestLaunchErrors(t *testing.T) {
	dir := t.TempDir()
	script := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, []byte("#!/bin/sh\n"+text+"\n"), 0o700))
		return path
	}
	for path, want := range map[string]string{
		"":                    "no Chromium, Chrome or Edge was found",
		"/nonexistent/chrome": "cannot be started",
		script("dies", "echo 'error while loading shared libraries: libnss3.so' >&2; exit 127"):                                   "ended at once (exit status 127",
		script("sandbox", "echo 'No usable sandbox! Update your kernel' >&2; exit 1"):                                             "cannot set up its sandbox",
		script("old", `head -c 10 <&3 >/dev/null; printf '{"id":1,"result":{"product":"Chrome/90.0.1"}}\000' >&4; exec sleep 10`): "Chrome/90.0.1 is too old",
		script("silent", "exec sleep 10"): "does not answer",
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		if strings.HasSuffix(path, "old") {
			ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second)
		}
		b, err := Launch(ctx, Config{Path: path, Dir: dir})
		cancel()
		if b != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
