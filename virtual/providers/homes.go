package providers

import (
	_ "embed" // for systems.txt
	"slices"
	"strings"
)

// systems.txt has a line for each system: what kind of device it is on, its release, and the clients there.
//
//go:embed systems.txt
var current string

// system is an operating system that people have, and the clients that come to mind there, the likeliest first.
type system struct {
	device  string // "computer" or "phone"; empty: not known
	os      string
	clients []string
}

// systems are the current ones, in the order in which they are tried.
func systems() []system {
	var all []system
	for line := range strings.Lines(current) {
		if columns := strings.Split(strings.TrimSpace(line), ": "); len(columns) == 3 && !strings.HasPrefix(line, "#") {
			all = append(all, system{device: columns[0], os: columns[1], clients: strings.Split(columns[2], ", ")})
		}
	}
	return all
}

// Homes are two devices on which the provider's passkeys can be both saved and used, as its rules have it: current
// releases, the second device of another kind (a computer and a phone) or at least on another system where the rules
// allow that, and otherwise like the first. The account is a personal one wherever that will do. There are none where
// the rules allow nothing.
func (p *Provider) Homes() []Circumstances {
	for _, account := range []string{"personal", "work"} {
		var homes []home
		for _, s := range p.known() {
			if c, ok := p.settle(s, account); ok {
				homes = append(homes, home{Circumstances: c, device: s.device})
			}
		}
		if len(homes) > 0 {
			return []Circumstances{homes[0].Circumstances, other(homes).Circumstances}
		}
	}
	return nil
}

// home is where passkeys can be saved and used.
type home struct {
	Circumstances
	device string
}

// other is the home that differs most from the first, which is itself where there is no other.
func other(homes []home) home {
	for _, h := range homes[1:] {
		if h.device != homes[0].device {
			return h
		}
	}
	return homes[min(1, len(homes)-1)]
}

// known are the systems to try: the current ones, and those that only the provider's own rules name.
func (p *Provider) known() []system {
	all := systems()
	for _, rule := range slices.Concat(p.Save, p.Use) {
		for _, want := range rule.OS {
			there := func(s system) bool { return ParseRelease(s.os).called(want.Name) }
			if want.Name != Any && !slices.ContainsFunc(all, there) {
				all = append(all, system{os: want.text(), clients: all[0].clients})
			}
		}
	}
	for _, rule := range slices.Concat(p.Save, p.Use) {
		for _, want := range rule.Client {
			for i := range all {
				if text := want.text(); want.Name != Any && !slices.ContainsFunc(all[i].clients, sameName(text)) {
					all[i].clients = append(slices.Clip(all[i].clients), text)
				}
			}
		}
	}
	return all
}

// settle finds the client with which passkeys can be saved and used on a system.
func (p *Provider) settle(s system, account string) (Circumstances, bool) {
	for _, client := range s.clients {
		c := Circumstances{AccountType: account, OS: ParseRelease(s.os), Client: ParseRelease(client)}
		if p.Eligible(Save, c).Allowed && p.Eligible(Use, c).Allowed {
			return c, true
		}
	}
	return Circumstances{}, false
}

// text is the least release that meets the requirement, as people write it: "edge 142".
func (r Requirement) text() string {
	return strings.TrimSpace(strings.ToLower(r.Name) + " " + dotted(r.From))
}

func sameName(text string) func(string) bool {
	name := ParseRelease(text).Name
	return func(other string) bool { return ParseRelease(other).Name == name }
}
