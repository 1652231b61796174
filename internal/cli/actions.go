package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/report/github"
)

// inActions says whether this is a step of GitHub Actions.
func (e *Env) inActions() bool { return e.getenv("GITHUB_ACTIONS") == "true" }

// stepSummary is the file to which a report belongs as the summary of this step, or empty: it is a file of its own.
func (e *Env) stepSummary(out output) string {
	if out.name != formatGitHub || out.given || !e.inActions() {
		return ""
	}
	return e.getenv("GITHUB_STEP_SUMMARY")
}

// appendable finds out, before any work is done, whether a file can be written to at its end.
func (e *Env) appendable(name string) error {
	f, err := e.openEnd(name)
	if err != nil {
		return err
	}
	return f.Close()
}

func (e *Env) openEnd(name string) (*os.File, error) {
	return os.OpenFile(e.path(name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666) //nolint:gosec // the user's mask decides
}

// appendSummary has write add to a summary, within so many bytes, behind what other commands of the step have written.
// What GitHub would refuse, because together they are too long, is left out.
func (e *Env) appendSummary(name string, write func(w io.Writer, room int) error) (err error) {
	f, err := e.openEnd(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if info.Size() > 0 {
		text.WriteString("\n\n")
	}
	room := github.SummaryLimit - info.Size() - int64(text.Len())
	if room < github.LeastRoom {
		e.complain("note", "the summary of this step is full: nothing was added to it")
		return nil
	}
	if err := write(&text, int(room)); err != nil {
		return err
	}
	if _, err := f.Write(text.Bytes()); err != nil {
		return errors.Join(err, f.Truncate(info.Size())) // half a summary spoils the page of the others
	}
	return nil
}

// annotate has GitHub show remarks at the lines that they are about. Outside of GitHub Actions it does nothing. They
// go to standard error, where GitHub looks for them too, as standard output may be a report.
func (e *Env) annotate(list []github.Annotation) {
	if !e.inActions() {
		return
	}
	for i := range list {
		a := &list[i]
		if a.File = e.inRepository(a.File); a.File == "" {
			a.Line, a.Col = 0, 0
		}
	}
	_ = github.WriteAnnotations(e.Stderr, list) // nobody to tell when standard error is gone
}

// annotations are the mistakes in files, as GitHub shows them. Their files are as the user named them.
func (e *Env) annotations(problems *diag.Errors) []github.Annotation {
	var list []github.Annotation
	for _, d := range problems.List {
		message := d.Message
		if d.Hint != "" {
			message += "\nhint: " + d.Hint
		}
		list = append(list, github.Annotation{Level: github.LevelError, File: d.File, Line: d.Line, Col: d.Col, Title: "mistake in a file", Message: message})
	}
	return list
}

// inRepository is the path of a file as GitHub knows it, from the repository's root, or empty for what is no file.
func (e *Env) inRepository(name string) string {
	root := e.getenv("GITHUB_WORKSPACE")
	if name == "" || name == "-" || strings.HasPrefix(name, builtinPrefix) {
		return ""
	}
	path, err := filepath.Abs(e.path(name))
	if err != nil || root == "" {
		return name
	}
	if within, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(within) {
		return filepath.ToSlash(within)
	}
	return name
}
