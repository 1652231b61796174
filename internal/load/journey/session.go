package journey

import (
	"net/http"
	"net/url"

	"github.com/passrig/passrig/internal/load/wire"
	"github.com/passrig/passrig/internal/rp"
)

// session is one browser session of the user.
type session struct {
	jar    *wire.Jar
	memory *rp.Memory
	used   int // when it was last used, counted in operations; 0: not in this iteration
}

func (y *Player) newSession() *session {
	jar := wire.NewJar(y.program.party.Clock())
	return &session{jar: jar, memory: y.program.planner.NewMemory(cookieView{jar, y.client})}
}

// forget makes it a session in which nothing has happened.
func (s *session) forget() {
	s.jar.Reset()
	s.memory.Reset()
	s.used = 0
}

// enter is the session of a device, which is now the one used last.
func (y *Player) enter(device int) *session {
	s := y.sessions[device]
	y.steps++
	s.used = y.steps
	return s
}

// sessionOf is the session for an action: as in a single run, that of the device if one is named, else the newest that
// is signed in, else the newest. A login has a fresh one, unless it is to go on.
func (y *Player) sessionOf(a *action) *session {
	switch {
	case a.registers():
		return y.registrationSession(a)
	case a.signsIn():
		s := y.enter(a.device)
		if !a.keep {
			s.forget()
			y.enter(a.device)
		}
		return s
	case a.device != noDevice:
		return y.enter(a.device)
	}
	if device, ok := y.newest(true); ok {
		return y.enter(device)
	}
	device, _ := y.newest(false)
	return y.enter(device)
}

// registrationSession is the session named, the device's own if it is signed in, else the newest that is, as when a page
// on the laptop asks the phone, else the device's own as it is.
func (y *Player) registrationSession(a *action) *session {
	if a.session != noDevice {
		return y.enter(a.session)
	}
	if s := y.sessions[a.device]; s.used > 0 && s.memory.SignedIn {
		return y.enter(a.device)
	}
	device, ok := y.newest(true)
	if !ok {
		return y.enter(a.device)
	}
	if device == noDevice && a.device != noDevice {
		// A browser of no device turns out to be this one's.
		y.sessions[a.device], y.sessions[noDevice] = y.sessions[noDevice], y.sessions[a.device]
		y.sessions[noDevice].forget()
		device = a.device
	}
	return y.enter(device)
}

// newest is the device whose session was used last, of those that are signed in or of all; that of no device if there is
// none.
func (y *Player) newest(signedIn bool) (device int, ok bool) {
	last := 0
	for i, s := range y.sessions {
		if s.used > last && (!signedIn || s.memory.SignedIn) {
			device, last = i, s.used
		}
	}
	return device, last > 0
}

// cookieView shows a jar to what reads one of net/http's.
type cookieView struct {
	jar    *wire.Jar
	client wire.Client
}

// Cookies implements [http.CookieJar].
func (v cookieView) Cookies(u *url.URL) []*http.Cookie {
	server, err := v.client.Server(u)
	if err != nil {
		return nil // no request went there, and no cookie came from there
	}
	var list []*http.Cookie
	for name, value := range v.jar.Cookies(server, []byte(u.RequestURI())) {
		list = append(list, &http.Cookie{Name: string(name), Value: string(value)}) //nolint:gosec // G124: one that is sent, not set
	}
	return list
}

// SetCookies implements [http.CookieJar]. The cookies of answers are taken by [wire.Jar.Take].
func (cookieView) SetCookies(*url.URL, []*http.Cookie) {}
