package engine

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/passrig/passrig/internal/rp"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/scenarios"
)

// world is everything one scenario knows while it runs.
type world struct {
	*engine
	id       string
	runID    string
	file     *scenarios.File
	party    *rp.Party
	driver   Driver
	pages    PageDriver // the driver, if it has pages; else nil
	origin   string
	baseURL  string
	env      scenarios.Env
	users    map[string]*user
	stranger user               // whose sessions belong to no user
	devices  map[string]*device // by "account/device"
	accounts map[string]*account
	keys     []*passkey // in the order they were made
	stopped  string     // why no further step runs
	began    time.Time  // when the current step began

	measured *report.Recorder // this scenario's part of the run's metrics
	hangUp   func()           // closes idle connections

	traveling traveling
	counted   shares // of counters: among how many

	performed map[*scenarios.Step]int // how often each step passed
	trimmed   bool                    // whether a step has been recorded without its details
}

// user is a user at the relying party and their sessions there.
type user struct {
	rp.User
	identity string // what whoami calls them
	signedUp bool
	visits   []*visit // the most recently used last
}

// visit is a user's session in one device's browser.
type visit struct {
	device   string // "account/device"; empty: a browser of no device
	session  *rp.Session
	signedIn bool
}

// passkey is a passkey that a register step made and the relying party took, or that a page step made.
type passkey struct {
	step   string // id of that step
	user   string
	device *device
	id     []byte
	label  string
	rpID   string // and handle: as the device has them
	handle []byte

	deleted bool // at the relying party, with its consent
}

func (k *passkey) idText() string { return base64.RawURLEncoding.EncodeToString(k.id) }

func newWorld(e *engine, file *scenarios.File, id string) (*world, error) {
	w := &world{
		engine: e, id: id, runID: runID(e.cfg.Seed, id), file: file, users: make(map[string]*user), devices: make(map[string]*device),
		accounts: make(map[string]*account), counted: make(shares),
		measured: report.NewRecorder(), hangUp: func() {}, performed: make(map[*scenarios.Step]int),
	}
	if err := w.prepareEnv(); err != nil {
		return nil, err
	}
	if err := w.prepareTarget(); err != nil {
		return nil, err
	}
	if err := w.prepareUsers(); err != nil {
		return nil, err
	}
	if err := w.prepareSync(); err != nil {
		return nil, err
	}
	if err := w.prepareDevices(); err != nil {
		return nil, err
	}
	return w, CheckProviders(file, w.cfg.Providers, w.env)
}

// secretName matches environment variables that hold secrets, going by their names.
var secretName = regexp.MustCompile(`(?i)secret|token|key|credential|cookie|auth|pwd|phrase|pass(?:$|[^a-z]|w|code)|(?:^|[^a-z])pin(?:$|[^a-z])`)

// prepareEnv makes the names that the scenario's expressions see, before there is a target.
func (w *world) prepareEnv() error {
	allowed := make(map[string]any)
	for _, name := range w.file.Env {
		v, ok := w.cfg.LookupEnv(name)
		if !ok {
			continue
		}
		allowed[name] = v
		if secretName.MatchString(name) {
			w.redactor.Add(name, v)
		}
	}
	w.env = scenarios.Env{
		"env": allowed, "vars": make(map[string]any), "steps": make(map[string]any), "loop": map[string]any{"index": 0},
		"run": map[string]any{"id": w.runID, "seed": w.cfg.Seed}, "users": make(map[string]any),
	}
	params, err := w.params(w.file.Params, nil)
	w.env["params"] = params
	return err
}

// params are the values of declared params: those given, else the defaults. Secret ones are kept out of reports.
func (w *world) params(declared map[string]scenarios.Param, given map[string]any) (map[string]any, error) {
	values := make(map[string]any, len(declared))
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		p := declared[name]
		v, ok := given[name]
		if !ok && p.Default == nil {
			return values, fmt.Errorf("param %q has no value", name)
		}
		if !ok {
			var err error
			if v, err = p.Default.Eval(w.env); err != nil {
				return values, fmt.Errorf("param %q: %w", name, err)
			}
		}
		values[name] = v
		if p.Secret {
			w.redactor.AddValue(name, v)
		}
	}
	return values, nil
}

func (w *world) prepareTarget() error {
	target, adapter := w.file.Target, w.file.Adapter
	var err error
	if w.origin, err = target.Origin.String(w.env); err != nil {
		return err
	}
	if w.origin == "" {
		w.origin = adapter.Origin
	}
	if w.origin == "" {
		return errors.New("no origin: give it with target.origin or --origin")
	}
	if problem, hint := scenarios.OriginProblem(w.origin); problem != "" {
		return fmt.Errorf("%q %s: %s", w.origin, problem, hint)
	}
	if w.baseURL, err = target.BaseURL.String(w.env); err != nil {
		return err
	}
	rpID, err := target.RPID.String(w.env)
	if err != nil {
		return err
	}
	given := make(map[string]any, len(target.With))
	for name, text := range target.With {
		if given[name], err = text.Eval(w.env); err != nil {
			return err
		}
	}
	params, err := w.params(adapter.Params, given)
	if err != nil {
		return fmt.Errorf("adapter %q: %w: give it with target.with", adapter.Name, err)
	}
	transport := rp.TransportConfig{ConnectTo: target.ConnectTo}
	if target.CA != "" {
		if transport.RootCAs, err = w.cfg.ReadFile(target.CA); err != nil {
			return fmt.Errorf("target.ca: %w", err)
		}
	}
	roundTripper, err := w.cfg.Transport(transport)
	if err != nil {
		return fmt.Errorf("target.ca: %w", err)
	}
	if t, ok := roundTripper.(interface{ CloseIdleConnections() }); ok {
		w.hangUp = t.CloseIdleConnections
	}
	w.party, err = rp.New(rp.Target{
		Adapter: adapter, Origin: w.origin, BaseURL: w.baseURL, RPID: rpID, Params: params,
		RunID: w.runID, Seed: w.cfg.Seed, HTTP: roundTripper, Clock: w.cfg.Clock,
		Redact: w.redactor.Text, Learn: w.redactor.AddValue,
	})
	if err != nil {
		return err
	}
	w.driver, err = w.cfg.Drive(w.party)
	w.pages, _ = w.driver.(PageDriver)
	w.env["target"] = map[string]any{"origin": w.origin, "baseUrl": w.baseURL, "rpId": rpID, "adapter": adapter.Name, "operations": adapter.Offers()}
	return err
}

func (w *world) prepareUsers() error {
	names := make(map[string]scenarios.User)
	for name := range w.file.Accounts {
		names[name] = scenarios.User{}
	}
	maps.Copy(names, w.file.Users)
	shown := make(map[string]any, len(names))
	w.env["users"] = shown
	for _, name := range slices.Sorted(maps.Keys(names)) {
		u, err := w.newUser(name, names[name])
		if err != nil {
			return fmt.Errorf("user %q: %w", name, err)
		}
		w.users[name] = u
		w.redactor.Add("password of "+name, u.Password)
		shown[name] = map[string]any{
			"name": name, "username": u.Username, "displayName": u.DisplayName, "email": u.Email, "password": u.Password,
		}
	}
	return nil
}

func (w *world) newUser(name string, given scenarios.User) (*user, error) {
	secret := derive(w.cfg.Seed, "password of "+w.id+"/"+name)
	u := &user{User: rp.User{Name: name}}
	for _, member := range []struct {
		into     *string
		given    scenarios.Text
		fallback func() string
	}{
		{&u.Username, given.Username, func() string { return Username(w.cfg.Seed, w.id, name) }},
		{&u.DisplayName, given.DisplayName, func() string { return capitalize(name) }},
		{&u.Email, given.Email, func() string { return u.Username + "@example.test" }},
		// The tail satisfies servers that want digits, capitals and signs.
		{&u.Password, given.Password, func() string { return base64.RawURLEncoding.EncodeToString(secret[:18]) + "-A1" }},
	} {
		v, err := member.given.String(w.env)
		if err != nil {
			return nil, err
		}
		if v == "" {
			v = member.fallback()
		}
		*member.into = v
	}
	var err error
	u.identity, err = w.party.Identity(u.User)
	return u, err
}

func capitalize(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}

// prepareDevices makes every declared account, and its devices' authenticators.
func (w *world) prepareDevices() error {
	for _, accountName := range slices.Sorted(maps.Keys(w.file.Accounts)) {
		account, err := w.newAccount(accountName)
		if err != nil {
			return fmt.Errorf("%s: account %q: %w", w.file.Accounts[accountName].Pos, accountName, err)
		}
		w.accounts[accountName] = account
		devices := w.file.Accounts[accountName].Devices
		for _, name := range slices.Sorted(maps.Keys(devices)) {
			d := &device{key: accountName + "/" + name, name: name, account: account, spec: devices[name]}
			if err := w.newDevice(d); err != nil {
				return fmt.Errorf("%s: device %q: %w", d.spec.Pos, name, err)
			}
			w.devices[d.key] = d
			account.devices = append(account.devices, d)
		}
	}
	return nil
}

// device finds a device by its reference: "laptop" or "alice/laptop".
func (w *world) device(ref, user string) (*device, error) {
	account, name, ok := w.file.Device(ref, user)
	if !ok {
		return nil, fmt.Errorf("no device %q", ref)
	}
	return w.devices[account+"/"+name], nil
}

// passkey finds what a scenario calls a credential: the newest that a register step with that id made,
// or the newest on a device. An empty user is anybody.
func (w *world) passkey(ref, user string) (*passkey, error) {
	for _, fits := range []func(*passkey) bool{
		func(k *passkey) bool { return k.step == ref },
		func(k *passkey) bool { return k.device.name == ref || k.device.key == ref },
	} {
		for _, k := range slices.Backward(w.keys) {
			if fits(k) && (user == "" || k.user == user) {
				return k, nil
			}
		}
	}
	return nil, fmt.Errorf("there is no registered passkey %q%s", ref, ofUser(user))
}

func ofUser(user string) string {
	if user == "" {
		return ""
	}
	return " of " + user
}

// newestKey is the user's newest passkey on the device: of those that it holds, else of those that it made. Where
// several came from different devices, the one that is offered there goes first. Nil if there is none.
func (w *world) newestKey(user string, d *device) *passkey {
	held := make(map[string]bool) // whether it is offered
	for _, c := range d.Credentials() {
		held[string(c.ID)] = c.Discoverable
	}
	var made, hidden *passkey
	for _, k := range slices.Backward(w.keys) {
		offered, has := held[string(k.id)]
		switch {
		case user != "" && k.user != user:
		case has && (offered || d.replica == nil):
			return k
		case has:
			hidden = cmp.Or(hidden, k)
		case k.device == d:
			made = cmp.Or(made, k)
		}
	}
	return cmp.Or(hidden, made)
}

// visit returns the user's session on a device, making one if there is none, and counts it as used.
func (w *world) visit(u *user, deviceKey string) *visit {
	for i, v := range u.visits {
		if v.device == deviceKey {
			u.visits = append(slices.Delete(u.visits, i, i+1), v)
			return v
		}
	}
	v := &visit{device: deviceKey, session: w.party.NewSession()}
	u.visits = append(u.visits, v)
	return v
}

// signedInVisit is the user's most recently used session that is signed in, or nil.
func (u *user) signedInVisit() *visit {
	for _, v := range slices.Backward(u.visits) {
		if v.signedIn {
			return v
		}
	}
	return nil
}

// freshVisit replaces the user's session on a device by one without cookies.
func (w *world) freshVisit(u *user, deviceKey string) *visit {
	v := w.visit(u, deviceKey)
	w.driver.Release(v.session)
	v.session, v.signedIn = w.party.NewSession(), false
	return v
}

// close ends the scenario's sessions and connections.
func (w *world) close() {
	for _, u := range append(slices.Collect(maps.Values(w.users)), &w.stranger) {
		for _, v := range u.visits {
			w.driver.Release(v.session)
		}
	}
	w.hangUp()
	w.disconnect()
}
