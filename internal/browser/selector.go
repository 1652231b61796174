package browser

import (
	"strings"

	"github.com/passrig/passrig/scenarios"
)

var escapeName = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// locate writes an adapter's selector as one of the page's.
func locate(text string) (string, error) {
	s, err := scenarios.ParseSelector(text)
	if err != nil {
		return "", err
	}
	switch {
	case s.Role != "" && s.Name != "":
		return "role=" + s.Role + `[name="` + escapeName.Replace(s.Name) + `"]`, nil
	case s.Role != "":
		return "role=" + s.Role, nil
	case s.Label != "":
		return "label=" + s.Label, nil
	case s.Text != "":
		return "text=" + s.Text, nil
	default:
		return "css=" + s.CSS, nil
	}
}
