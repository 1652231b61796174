package browser

import (
	"strings"

	"github.com/passrig/passrig/scenarios"
)

var escapeName = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// locate writes an adapter's selector as one of the page's. Of several visible elements that fit, the
// first is meant.
func locate(text string) (string, error) {
	s, err := scenarios.ParseSelector(text)
	if err != nil {
		return "", err
	}
	const first = " >> nth=0"
	switch {
	case s.Role != "" && s.Name != "":
		return "role=" + s.Role + `[name="` + escapeName.Replace(s.Name) + `"]` + first, nil
	case s.Role != "":
		return "role=" + s.Role + first, nil
	case s.Label != "":
		return "label=" + s.Label + first, nil
	case s.Text != "":
		return "text=" + s.Text + first, nil
	default:
		return "css=" + s.CSS + first, nil
	}
}
