package cdp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"sync"
	"testing"

	"github.com/go-rod/rod/lib/proto"

	"github.com/passrig/passrig/virtual"
)

// signInScript is a whole sign-in by the page's own means, in one evaluation.
const signInScript = `(async () => {
	const post = async (path, body) => (await fetch(path, {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)})).json();
	const { publicKey } = await post("/api/login/options", {});
	const credential = await navigator.credentials.get({publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey)});
	const { user } = await post("/api/login/result", {credential: credential.toJSON()});
	return user.username;
})()`

// users makes devices that are signed up on the demo RP, each with a passkey.
func users(b *testing.B, browser *Browser, origin string, n int) []*Device {
	b.Helper()
	devices := make([]*Device, n)
	for i := range devices {
		d := newDevice(b, browser, DeviceConfig{})
		p := d.Page()
		must(b, p.Goto(b.Context(), origin+"/?autofill=off"))
		must(b, p.Fill(b.Context(), "label=New username", fmt.Sprintf("user%d", i)))
		must(b, p.Click(b.Context(), `role=button[name="Sign up"]`))
		// The page tells the browser which passkeys it knows; one added before that would be deleted.
		must(b, p.ExpectText(b.Context(), "role=status", "Welcome"))
		must(b, p.Click(b.Context(), `role=button[name="Add a passkey"]`))
		must(b, p.ExpectText(b.Context(), "role=status", "added"))
		must(b, p.Goto(b.Context(), origin+"/?autofill=off"))
		must(b, p.WaitFor(b.Context(), `role=button[name="Sign out"]`))
		devices[i] = d
	}
	return devices
}

// spread runs b.N operations over the devices, as many at once as there are devices.
func spread(b *testing.B, devices []*Device, operation func(i int, d *Device) error) {
	b.Helper()
	work := make(chan struct{})
	var wg sync.WaitGroup
	b.ResetTimer()
	for i, d := range devices {
		wg.Go(func() {
			for range work {
				if err := operation(i, d); err != nil {
					b.Error(err)
				}
			}
		})
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
}

func contexts(b *testing.B, run func(b *testing.B, devices []*Device, origin string)) {
	b.Helper()
	for _, n := range []int{1, 10} {
		b.Run(fmt.Sprintf("contexts=%d", n), func(b *testing.B) {
			origin := site(b, nil)
			run(b, users(b, chrome(b), origin, n), origin)
		})
	}
}

// BenchmarkPageLogin signs in by the page's script, one evaluation each.
func BenchmarkPageLogin(b *testing.B) {
	contexts(b, func(b *testing.B, devices []*Device, _ string) {
		b.Helper()
		spread(b, devices, func(i int, d *Device) error {
			value, err := d.Page().Evaluate(b.Context(), signInScript)
			if err == nil && string(value) != fmt.Sprintf(`"user%d"`, i) {
				err = fmt.Errorf("signed in as %s", value)
			}
			return err
		})
	})
}

// BenchmarkBareLogin is the same over the bare connection: what the package adds is the difference.
// The wrapper is in the page here too; BenchmarkUnwrappedLogin is without.
func BenchmarkBareLogin(b *testing.B) {
	contexts(b, func(b *testing.B, devices []*Device, _ string) {
		b.Helper()
		spread(b, devices, func(_ int, d *Device) error { return bare(b.Context(), d.page.target) })
	})
}

// BenchmarkUnwrappedLogin is BenchmarkBareLogin on pages without the package's wrapper.
func BenchmarkUnwrappedLogin(b *testing.B) {
	contexts(b, func(b *testing.B, devices []*Device, origin string) {
		b.Helper()
		for _, d := range devices {
			t := d.page.target
			must(b, proto.PageRemoveScriptToEvaluateOnNewDocument{Identifier: t.wrapper}.Call(t.session.in(b.Context())))
			must(b, d.Page().Goto(b.Context(), origin+"/?autofill=off"))
			must(b, d.Page().WaitFor(b.Context(), `role=button[name="Sign out"]`))
		}
		spread(b, devices, func(_ int, d *Device) error { return bare(b.Context(), d.page.target) })
	})
}

func bare(ctx context.Context, t *target) error {
	var r struct {
		Result struct {
			Value any `json:"value"`
		} `json:"result"`
		Exception *exceptionDetails `json:"exceptionDetails"`
	}
	err := t.session.call(ctx, "Runtime.evaluate",
		map[string]any{"expression": signInScript, "awaitPromise": true, "returnByValue": true, "userGesture": true}, &r)
	if err == nil && r.Exception != nil {
		err = errors.New(r.Exception.text())
	}
	return err
}

// BenchmarkStepLogin signs in and out as a person would, by the page's buttons.
func BenchmarkStepLogin(b *testing.B) {
	contexts(b, func(b *testing.B, devices []*Device, _ string) {
		b.Helper()
		for _, d := range devices {
			must(b, d.Page().Click(b.Context(), `role=button[name="Sign out"]`))
		}
		spread(b, devices, func(_ int, d *Device) error {
			p := d.Page()
			return errors.Join(p.Click(b.Context(), `role=button[name="Sign in with a passkey"]`), p.Click(b.Context(), `role=button[name="Sign out"]`))
		})
	})
}

// BenchmarkSplitLogin has only get() done in the browser, options and result by net/http.
func BenchmarkSplitLogin(b *testing.B) {
	contexts(b, func(b *testing.B, devices []*Device, origin string) {
		b.Helper()
		transport := &http.Transport{MaxIdleConnsPerHost: len(devices)}
		defer transport.CloseIdleConnections()
		clients := make([]*http.Client, len(devices))
		for i := range clients {
			jar, err := cookiejar.New(nil)
			must(b, err)
			clients[i] = &http.Client{Jar: jar, Transport: transport}
		}
		spread(b, devices, func(i int, d *Device) error {
			var options struct {
				PublicKey json.RawMessage `json:"publicKey"`
			}
			if err := post(b.Context(), clients[i], origin+"/api/login/options", map[string]any{}, &options); err != nil {
				return err
			}
			got, err := d.Get(b.Context(), virtual.GetRequest{Origin: origin, Options: options.PublicKey})
			if err != nil {
				return err
			}
			return post(b.Context(), clients[i], origin+"/api/login/result", map[string]any{"credential": got}, nil)
		})
	})
}

// BenchmarkSplitGet is the browser's part of BenchmarkSplitLogin alone.
func BenchmarkSplitGet(b *testing.B) {
	contexts(b, func(b *testing.B, devices []*Device, origin string) {
		b.Helper()
		spread(b, devices, func(_ int, d *Device) error {
			_, err := d.Get(b.Context(), virtual.GetRequest{Origin: origin, Options: json.RawMessage(`{"challenge": "AAAAAAAAAAAAAAAAAAAAAA"}`)})
			return err
		})
	})
}

// BenchmarkNewDevice is the set-up of a device with a page of the demo RP, and its end.
func BenchmarkNewDevice(b *testing.B) {
	origin, browser := site(b, nil), chrome(b)
	for b.Loop() {
		d, err := browser.NewDevice(b.Context(), DeviceConfig{})
		must(b, err)
		must(b, d.Page().Goto(b.Context(), origin+"/?autofill=off"))
		must(b, d.Close())
	}
}

func post(ctx context.Context, client *http.Client, address string, body, into any) error {
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(data))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: status %d: %s", address, response.StatusCode, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}
