package cli

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode/utf8"

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
	_ = github.WriteAnnotations(e.commands, list) // nobody to tell when standard error is gone
}

// inert passes on text that people read, so that a runner of GitHub Actions finds no workflow command in it: scenarios and
// relying parties have a say in that text. A command is a line that begins with ::, after any space, or has ##[ in it.
type inert struct {
	mu    sync.Mutex
	to    io.Writer
	begun bool // something but spaces is on the line, or bytes that may be
	last  byte
	hash  bool // there was one before the last byte
}

// Write implements io.Writer.
func (w *inert) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out bytes.Buffer
	for _, b := range data {
		if b == ':' && w.last == ':' && !w.begun || b == '[' && w.last == '#' && w.hash {
			out.WriteByte('\\')
		}
		out.WriteByte(b)
		switch {
		case b == '\n' || b == '\r':
			w.begun = false
		case b > ' ' && b < utf8.RuneSelf && b != ':': // there are spaces beyond ASCII
			w.begun = true
		}
		w.hash, w.last = w.last == '#', b
	}
	if _, err := w.to.Write(out.Bytes()); err != nil {
		return 0, err
	}
	return len(data), nil
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
