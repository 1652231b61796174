package diag

import (
	"fmt"
	"io"
	"strings"
)

// PrintGitHub writes every mistake as a workflow command, which GitHub Actions shows next to the
// line in question. It returns the first error of w.
func PrintGitHub(w io.Writer, errs *Errors) error {
	for _, d := range errs.List {
		where := "file=" + property(d.File)
		if d.Line > 0 {
			where += fmt.Sprintf(",line=%d", d.Line)
		}
		if d.Col > 0 {
			where += fmt.Sprintf(",col=%d", d.Col)
		}
		text := d.Message
		if d.Hint != "" {
			text += "\nhint: " + d.Hint
		}
		if _, err := fmt.Fprintf(w, "::error %s::%s\n", where, data(text)); err != nil {
			return err
		}
	}
	return nil
}

// data escapes the text of a workflow command.
func data(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// property escapes the value of a workflow command's property.
func property(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
