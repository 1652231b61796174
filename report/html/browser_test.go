package html_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/passrig/passrig/virtual/cdp"
)

// browser is a real Chrome, told what to do over its pipe. It knows of color schemes, widths and paper, which the
// driver of the rig has no use for. Everything happens on the goroutine of the test: events that arrive before an answer
// are kept until somebody looks at them.
type browser struct {
	t      testing.TB
	to     *os.File
	from   *os.File
	in     *bufio.Reader
	last   int
	events []protocolMessage
}

type protocolMessage struct {
	ID        int             `json:"id"`
	SessionID string          `json:"sessionId"`
	Method    string          `json:"method"`
	Params    json.RawMessage `json:"params"`
	Result    json.RawMessage `json:"result"`
	Error     *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// patience is how long Chrome may take for one answer, on a machine with other work.
const patience = 2 * time.Minute

func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := cdp.Find(exec.LookPath, os.LookupEnv)
	if missing, ok := errors.AsType[*cdp.MissingError](err); ok {
		t.Fatalf("%v: %s", missing, missing.Hint())
	}
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t}
	commands, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, events, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	b.to, b.from, b.in = to, from, bufio.NewReader(from)
	cmd := exec.Command(path, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--no-first-run", "--disable-background-networking",
		"--disable-dev-shm-usage", "--force-color-profile=srgb", "--hide-scrollbars", "--user-data-dir="+t.TempDir(), "about:blank")
	cmd.ExtraFiles = []*os.File{commands, events} // descriptors 3 and 4
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	commands.Close()
	events.Close()
	t.Cleanup(func() {
		b.call("", "Browser.close", nil, nil)
		to.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the browser ended with %v", err)
		}
		from.Close()
	})
	return b
}

// call sends a command to a page, or with an empty session to the browser, and waits for the answer.
func (b *browser) call(session, method string, params map[string]any, result any) {
	b.t.Helper()
	b.last++
	command := map[string]any{"id": b.last, "method": method}
	if session != "" {
		command["sessionId"] = session
	}
	if params != nil {
		command["params"] = params
	}
	data, err := json.Marshal(command)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.to.Write(append(data, 0)); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	if err := b.from.SetReadDeadline(time.Now().Add(patience)); err != nil {
		b.t.Fatal(err)
	}
	for {
		data, err := b.in.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: %v", method, err)
		}
		var m protocolMessage
		if err := json.Unmarshal(data[:len(data)-1], &m); err != nil {
			b.t.Fatal(err)
		}
		switch {
		case m.ID == 0:
			b.events = append(b.events, m)
		case m.ID != b.last: // an answer that nobody waits for
		case m.Error != nil:
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		default:
			if result != nil {
				if err := json.Unmarshal(m.Result, result); err != nil {
					b.t.Fatalf("%s: %v", method, err)
				}
			}
			return
		}
	}
}

// mode is how a page is looked at.
type mode struct {
	width  int    // of the window, CSS pixels
	scheme string // "light" or "dark"
	noJS   bool
}

func (m mode) String() string {
	return fmt.Sprintf("%s at %d px", m.scheme, m.width)
}

// tab is an open document.
type tab struct {
	*browser
	target, session string
	address         string
}

// open shows a document as it would be from a disk.
func (b *browser) open(document []byte, m mode) *tab {
	b.t.Helper()
	path := filepath.Join(b.t.(*testing.T).TempDir(), "report.html")
	if err := os.WriteFile(path, document, 0o600); err != nil {
		b.t.Fatal(err)
	}
	tb := &tab{browser: b, address: (&url.URL{Scheme: "file", Path: path}).String()}
	var target struct {
		TargetID string `json:"targetId"`
	}
	b.call("", "Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	tb.target = target.TargetID
	var session struct {
		SessionID string `json:"sessionId"`
	}
	b.call("", "Target.attachToTarget", map[string]any{"targetId": tb.target, "flatten": true}, &session)
	tb.session = session.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		tb.do(domain+".enable", nil, nil)
	}
	tb.do("Emulation.setDeviceMetricsOverride", map[string]any{"width": m.width, "height": 900, "deviceScaleFactor": 1, "mobile": false}, nil)
	tb.do("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": m.scheme}}}, nil)
	tb.do("Emulation.setScriptExecutionDisabled", map[string]any{"value": m.noJS}, nil)
	var at struct {
		Error string `json:"errorText"`
	}
	tb.do("Page.navigate", map[string]any{"url": tb.address}, &at)
	if at.Error != "" {
		b.t.Fatalf("%s: %s", tb.address, at.Error)
	}
	for state := ""; state != "complete"; { // without scripts nobody can be told when it is
		tb.eval("document.readyState", &state)
	}
	return tb
}

func (tb *tab) do(method string, params map[string]any, result any) {
	tb.t.Helper()
	tb.call(tb.session, method, params, result)
}

func (tb *tab) close() {
	tb.t.Helper()
	tb.call("", "Target.closeTarget", map[string]any{"targetId": tb.target}, nil)
}

// eval runs an expression in the page, waits if it is a promise, and reads its value into result unless that is nil.
// Neither the page's content security policy nor a ban of scripts holds for it.
func (tb *tab) eval(expression string, result any) {
	tb.t.Helper()
	var answer struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	tb.do("Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &answer)
	if e := answer.Exception; e != nil {
		tb.t.Fatalf("%s %s\nin %.200s", e.Text, e.Exception.Description, expression)
	}
	if result != nil {
		if err := json.Unmarshal(answer.Result.Value, result); err != nil {
			tb.t.Fatalf("%.200s: %v", expression, err)
		}
	}
}

// press presses a key and lets it go, with its text if it has one.
func (tb *tab) press(key, text string) {
	tb.t.Helper()
	codes := map[string]int{"Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
	event := map[string]any{"type": "keyDown", "key": key, "windowsVirtualKeyCode": codes[key]}
	if text != "" {
		event["text"] = text
	}
	tb.do("Input.dispatchKeyEvent", event, nil)
	tb.do("Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "windowsVirtualKeyCode": codes[key]}, nil)
}

// print is the document on paper of DIN A4, as a PDF.
func (tb *tab) print() []byte {
	tb.t.Helper()
	var out struct {
		Data string `json:"data"`
	}
	tb.do("Page.printToPDF", map[string]any{"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": false}, &out)
	data, err := base64.StdEncoding.DecodeString(out.Data)
	if err != nil {
		tb.t.Fatal(err)
	}
	return data
}

// complaints are what Chrome had to say about the page: requests, errors, violations of its content security policy.
func (tb *tab) complaints() []string {
	tb.t.Helper()
	tb.eval("new Promise(done => setTimeout(done))", nil) // reports of the policy are tasks of their own
	var all []string
	for _, e := range tb.events {
		if e.SessionID != tb.session {
			continue
		}
		var p struct {
			Type    string `json:"type"`
			Request struct {
				URL string `json:"url"`
			} `json:"request"`
			Entry struct {
				Level, Source, Text string
			} `json:"entry"`
		}
		if err := json.Unmarshal(e.Params, &p); err != nil {
			tb.t.Fatal(err)
		}
		switch e.Method {
		case "Network.requestWillBeSent":
			if p.Request.URL != tb.address && !strings.HasPrefix(p.Request.URL, "data:") {
				all = append(all, "request of "+p.Request.URL)
			}
		case "Runtime.exceptionThrown":
			all = append(all, "exception "+string(e.Params))
		case "Runtime.consoleAPICalled":
			all = append(all, "console "+p.Type)
		case "Log.entryAdded":
			all = append(all, p.Entry.Level+" "+p.Entry.Source+" "+p.Entry.Text)
		}
	}
	return all
}
