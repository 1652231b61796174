package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/passrig/passrig/internal/diag"
	"github.com/passrig/passrig/report"
	"github.com/passrig/passrig/report/github"
)

// The exit codes. "Failed" and "could not tell" never share one.
const (
	exitOK          = report.ExitPassed
	exitFailed      = report.ExitFailed
	exitUsage       = 2 // bad flags or a bad file
	exitCouldNot    = report.ExitCouldNot
	exitInterrupted = 130 // 128 + SIGINT, as shells count
)

// exitError ends the program with a code. Without a message, everything has been said already.
type exitError struct {
	code    int
	err     error // may be nil
	hint    string
	command *cobra.Command // whose usage line is shown; may be nil
}

// Error implements error.
func (e *exitError) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns the cause.
func (e *exitError) Unwrap() error { return e.err }

// interruption ends the program after a signal.
func interruption(hint string) *exitError {
	return &exitError{code: exitInterrupted, err: errors.New("interrupted"), hint: hint}
}

// exitCode ends the program without a word.
func exitCode(code int) error {
	if code == exitOK {
		return nil
	}
	return &exitError{code: code}
}

// usageError is a wrong command line.
func usageError(cmd *cobra.Command, hint, format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint, command: cmd}
}

// badFile is a file that cannot be used as it is.
func badFile(hint, format string, args ...any) error {
	return &exitError{code: exitUsage, err: fmt.Errorf(format, args...), hint: hint}
}

// couldNot is something that kept the command from doing its work.
func couldNot(hint, format string, args ...any) error {
	return &exitError{code: exitCouldNot, err: fmt.Errorf(format, args...), hint: hint}
}

// conclude tells the user about the error and returns the exit code.
func (e *Env) conclude(ctx context.Context, err error) int {
	if err == nil {
		return exitOK
	}
	failure, ok := errors.AsType[*exitError](err)
	switch {
	case ok:
	case ctx.Err() != nil:
		failure = interruption("")
	default:
		failure = &exitError{code: exitCouldNot, err: err}
	}
	if problems := diag.From(err); problems != nil {
		_ = diag.Print(e.Stderr, problems, e.color(e.StderrTTY)) // nobody to tell when standard error is gone
		e.annotate(e.annotations(problems))
		return exitUsage
	}
	if failure.err != nil {
		e.complain("error", failure.err.Error())
		e.annotate([]github.Annotation{{Level: github.LevelError, Title: "passrig", Message: failure.err.Error()}})
	}
	if failure.hint != "" {
		e.complain("hint", failure.hint)
	}
	if c := failure.command; c != nil {
		e.complain("usage", fmt.Sprintf("%s (more: %s --help)", c.UseLine(), c.CommandPath()))
	}
	return failure.code
}

// complain writes a line to standard error, marked by what kind of line it is.
func (e *Env) complain(kind, text string) {
	mark := kind + ":"
	if e.color(e.StderrTTY) {
		code := "1"
		if kind == "error" {
			code = "1;31"
		}
		mark = "\x1b[" + code + "m" + mark + "\x1b[0m"
	}
	_, _ = fmt.Fprintf(e.Stderr, "%s %s\n", mark, text) // nobody to tell when standard error is gone
}

// flagError makes a usage error of what the flag parser says.
func flagError(cmd *cobra.Command, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		name := unknown.GetSpecifiedName()
		if unknown.GetSpecifiedShortnames() != "" {
			return usageError(cmd, "", "unknown flag -%s", name[:1])
		}
		return usageError(cmd, suggestFlag(cmd, name), "unknown flag --%s", name)
	}
	if invalid, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		cause := errors.Unwrap(invalid)
		if value, ok := errors.AsType[*valueError](cause); ok {
			return usageError(cmd, value.hint, "--%s: %s", invalid.GetFlag().Name, value.message)
		}
		return usageError(cmd, "", "--%s %q: %s", invalid.GetFlag().Name, invalid.GetValue(), plainCause(cause))
	}
	return usageError(cmd, "", "%w", err)
}

// plainCause drops the names of Go functions that the standard library puts into its messages.
func plainCause(err error) string {
	text := err.Error()
	for _, prefix := range []string{"strconv.", "time: "} {
		if strings.HasPrefix(text, prefix) {
			return text[strings.LastIndex(text, ": ")+2:]
		}
	}
	return text
}

func suggestFlag(cmd *cobra.Command, name string) string {
	var known []string
	add := func(f *pflag.Flag) {
		if !f.Hidden {
			known = append(known, "--"+f.Name)
		}
	}
	cmd.LocalFlags().VisitAll(add)
	cmd.InheritedFlags().VisitAll(add)
	return didYouMean("--"+name, known)
}

// didYouMean is a hint only when a known word is close.
func didYouMean(word string, known []string) string {
	if hint := diag.Suggest(word, known); strings.HasPrefix(hint, "did you mean") {
		return hint
	}
	return ""
}
