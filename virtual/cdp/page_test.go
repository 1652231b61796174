package cdp

import (
	"testing"
	"time"
)

// A person signs up, adds a passkey, signs out and in again, on the relying party's own page.
func TestSignUpAndIn(t *testing.T) {
	for name, cfg := range roads(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			origin := site(t, nil)
			d := newDevice(t, chrome(t), cfg)
			p := d.Page()
			must(t, p.Goto(ctx, origin+"/?autofill=off"))
			must(t, p.Fill(ctx, "label=New username", "alice"))
			must(t, p.Fill(ctx, "label=Display name", "Alice"))
			must(t, p.Click(ctx, `role=button[name="Sign up"]`))
			must(t, p.ExpectText(ctx, "role=status", "Welcome, Alice."))
			must(t, p.Fill(ctx, "label=Name of the new passkey", "laptop"))
			must(t, p.Click(ctx, `role=button[name="Add a passkey"]`))
			must(t, p.ExpectText(ctx, "role=status", "Passkey “laptop” added."))
			must(t, p.Click(ctx, `role=button[name="Sign out"]`))
			must(t, p.ExpectText(ctx, "role=status", "Signed out."))
			must(t, p.Click(ctx, `role=button[name="Sign in with a passkey"]`))
			must(t, p.ExpectText(ctx, "", "Signed in as alice."))
			must(t, p.WaitFor(ctx, `role=heading[name="Signed in as Alice"]`))

			ceremonies, err := p.Ceremonies(ctx)
			must(t, err)
			if len(ceremonies) != 2 || ceremonies[0].Kind != "create" || ceremonies[1].Kind != "get" {
				t.Fatalf("ceremonies: %+v", ceremonies)
			}
			for _, c := range ceremonies {
				if c.Response == nil || c.ErrorName != "" || c.Origin != origin || len(c.Options) < 20 {
					t.Errorf("%s: %+v", c.Kind, c)
				}
				if took := c.End.Sub(c.Start); took <= 0 || took > 5*time.Second {
					t.Errorf("%s took %v", c.Kind, took)
				}
				if c.OptionsRequest == nil || c.ResultRequest == nil {
					t.Fatalf("%s: requests %v, %v", c.Kind, c.OptionsRequest, c.ResultRequest)
				}
			}
			if got := ceremonies[0].OptionsRequest.URL + " " + ceremonies[0].ResultRequest.URL; got != origin+"/api/register/options "+origin+"/api/register/result" {
				t.Errorf("requests around create: %s", got)
			}
			if got := ceremonies[1].OptionsRequest.URL + " " + ceremonies[1].ResultRequest.URL; got != origin+"/api/login/options "+origin+"/api/login/result" {
				t.Errorf("requests around get: %s", got)
			}
			if list := d.Credentials(); len(list) != 1 || list[0].RPID != "localhost" || list[0].UserName != "alice" || !list[0].Discoverable {
				t.Errorf("credentials: %+v", list)
			}
			if calls := d.Signals(); len(calls) == 0 || calls[0].Method != "signalAllAcceptedCredentials" {
				t.Errorf("signals: %+v", calls)
			}
		})
	}
}
