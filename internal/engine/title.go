package engine

import (
	"fmt"
	"strings"

	"github.com/passrig/passrig/scenarios"
)

// title is the step's own title, or one made from its action.
func (w *world) title(s *scenarios.Step) string {
	if !s.Title.IsZero() {
		if t, err := s.Title.String(w.env); err == nil {
			return t
		}
		return s.Title.Raw()
	}
	t := generatedTitle(s) + tampered(s)
	if e := s.Expect; e != nil {
		switch {
		case e.Error != "":
			t += ": refused with " + e.Error
		case e.Outcome != "" && e.Outcome != "accepted":
			t += ": " + e.Outcome
		}
	}
	return t
}

// tampered names the changes of the step's response.
func tampered(s *scenarios.Step) string {
	list := s.Tampers()
	if len(list) == 0 {
		return ""
	}
	names := make([]string, len(list))
	for i, t := range list {
		names[i] = t.Name
	}
	return " with " + strings.Join(names, ", ")
}

func generatedTitle(s *scenarios.Step) string {
	user, on := whoAndWhere(s)
	where := ""
	if on != "" {
		where = " on " + on
	}
	switch {
	case s.Signup != nil:
		return "sign up " + user + where
	case s.Register != nil:
		return "register " + user + where
	case s.Login != nil && s.Login.Discoverable:
		return "log in " + user + where + " by a discoverable credential"
	case s.Login != nil:
		return "log in " + user + where
	case s.LoginDiscoverable != nil:
		return "log in" + where + " by a discoverable credential"
	case s.Logout != nil:
		return "log out " + user + where
	case s.Whoami != nil:
		return "ask who is signed in" + where
	case s.List != nil:
		return "list the passkeys of " + user
	case s.Rename != nil:
		return fmt.Sprintf("rename %s's passkey %s", user, s.Rename.Credential) + whereAt(s.Rename.At, on)
	case s.Delete != nil:
		return fmt.Sprintf("delete %s's passkey %s", user, s.Delete.Credential) + whereAt(s.Delete.At, on)
	case s.Request != nil:
		return strings.TrimSpace(s.Request.Method + " " + s.Request.Path.Raw())
	case s.Wait != nil:
		return "wait"
	case s.Page != nil:
		return "use the page" + where
	case s.Device != nil:
		return "change" + strings.TrimPrefix(where, " on")
	case s.Passkeys != nil:
		return "look at the passkeys" + where
	case s.Assert != nil && len(s.Assert.That) == 1:
		return "assert " + s.Assert.That[0].Source()
	case s.Include != nil:
		return "include " + s.Include.File
	default:
		return providerTitle(s)
	}
}

// whoAndWhere are the user and device that the step names.
func whoAndWhere(s *scenarios.Step) (user, device string) {
	visit := func(v *scenarios.Visit) (string, string) { return v.User, v.On }
	switch {
	case s.Signup != nil:
		return s.Signup.User, s.Signup.On
	case s.Register != nil:
		return s.Register.User, s.Register.On
	case s.Login != nil:
		return s.Login.User, s.Login.On
	case s.LoginDiscoverable != nil:
		return s.LoginDiscoverable.User, s.LoginDiscoverable.On
	case s.Logout != nil:
		return visit(s.Logout)
	case s.Whoami != nil:
		return visit(s.Whoami)
	case s.List != nil:
		return visit(s.List)
	case s.Rename != nil:
		return s.Rename.User, s.Rename.On
	case s.Delete != nil:
		return s.Delete.User, s.Delete.On
	case s.Request != nil:
		return s.Request.User, s.Request.On
	case s.Page != nil:
		return s.Page.User, s.Page.On
	case s.Device != nil:
		return "", s.Device.On
	case s.Passkeys != nil:
		return "", s.Passkeys.On
	default:
		return whereAtProvider(s)
	}
}
