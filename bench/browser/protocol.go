package main

import _ "embed"

// order is one line to a contender.
type order struct {
	// Do is "start" (a browser), "open" (Contexts fresh ones, each with a page, an authenticator and a
	// user who has a passkey), "login" (with the first Contexts of them at once, for Milliseconds or until
	// Logins are done), "set-up" (Contexts fresh ones, closed again) or "stop".
	Do string `json:"do"`
	match
	Contexts     int `json:"contexts,omitempty"`
	Milliseconds int `json:"milliseconds,omitempty"`
	Logins       int `json:"logins,omitempty"`
}

// match is what a contender is told at the start.
type match struct {
	Browser   string `json:"browser,omitempty"` // path
	Hidden    bool   `json:"hidden,omitempty"`  // the browser would draw pages, unless it is told not to
	NoSandbox bool   `json:"noSandbox,omitempty"`
	Origin    string `json:"origin,omitempty"` // of the relying party
	Page      string `json:"page,omitempty"`   // its URL
	User      string `json:"user,omitempty"`   // what users' names begin with
	Enroll    string `json:"enroll,omitempty"` // a JavaScript function of the user's name
	Login     string `json:"login,omitempty"`  // an expression: a promise of the user's name
	Wrapper   string `json:"wrapper,omitempty"`
}

// reply is the line that comes back.
type reply struct {
	Error   string    `json:"error,omitempty"`   // why the order could not be carried out
	Version string    `json:"version,omitempty"` // of the contender, and the browser's
	Setups  []float64 `json:"setups,omitempty"`  // ms each, from nothing to a page that is read
	Logins  int       `json:"logins,omitempty"`
	Took    float64   `json:"took,omitempty"`   // ms, for all of them
	Failed  []string  `json:"failed,omitempty"` // logins that failed, why
}

// Every contender runs these in the relying party's page.
var (
	//go:embed enroll.js
	enrollScript string
	//go:embed login.js
	loginScript string
)
