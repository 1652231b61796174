package cdp

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/passrig/passrig/virtual"
)

// Whoever permits ceremonies of Chrome's authenticators can end them, and change what they find.
func TestPermit(t *testing.T) {
	var no atomic.Pointer[virtual.Error]
	var asked atomic.Int32
	var d *Device
	passkey := virtual.StoredCredential{}
	d = newDevice(t, chrome(t), DeviceConfig{Permit: func(ctx context.Context, kind string, req virtual.GetRequest) error {
		asked.Add(1)
		if e := no.Load(); e != nil {
			return e
		}
		if kind == kindGet && passkey.ID != nil && len(req.Options) > 0 {
			return d.Import(ctx, passkey)
		}
		return nil
	}})
	p := d.Page()
	must(t, p.Goto(t.Context(), html(t, "")))
	evaluate[outcome](t, p, createScript("localhost", "alice", ""))
	if got := evaluate[string](t, p, getWith("", "")); got != "ok" || asked.Load() != 2 {
		t.Errorf("permitted: %s, asked %d times", got, asked.Load())
	}
	no.Store(&virtual.Error{Name: virtual.NotAllowedError, Message: "locked"})
	if got := evaluate[string](t, p, getWith("", "")); got != "NotAllowedError" {
		t.Errorf("not permitted: %s", got)
	}
	no.Store(nil)
	var err error
	if passkey, err = d.Export(d.Credentials()[0].ID); err != nil {
		t.Fatal(err)
	}
	if gone, err := d.Remove(t.Context(), passkey.ID); err != nil || !gone {
		t.Fatal(gone, err)
	}
	if got := evaluate[string](t, p, getWith("", "")); got != "ok" {
		t.Errorf("with a passkey that has just come: %s", got)
	}
	_, err = chrome(t).NewDevice(t.Context(), DeviceConfig{Software: software(t, virtual.Config{}), Permit: func(context.Context, string, virtual.GetRequest) error { return errors.New("no") }})
	if err == nil {
		t.Error("a software device took a permit")
	}
}
