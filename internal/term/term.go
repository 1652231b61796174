// Package term finds out what a terminal can do, and shows progress on it: bars where somebody
// looks, a plain line now and then where a log file does.
package term

import (
	"io"
	"os"

	"golang.org/x/term"
)

// The values of the --color flag.
const (
	ColorAuto   = "auto"
	ColorAlways = "always"
	ColorNever  = "never"
)

// Colors decides whether to use color on one stream. The flag ("auto", "always" or "never";
// anything else counts as auto) beats the environment, and there, in this order: a non-empty
// NO_COLOR forbids, a non-empty CLICOLOR_FORCE or FORCE_COLOR other than "0" forces, TERM=dumb
// forbids. Otherwise color is for terminals.
func Colors(flag string, env func(string) string, isTTY bool) bool {
	switch flag {
	case ColorAlways:
		return true
	case ColorNever:
		return false
	}
	switch {
	case env("NO_COLOR") != "":
		return false
	case forced(env("CLICOLOR_FORCE")) || forced(env("FORCE_COLOR")):
		return true
	case env("TERM") == "dumb":
		return false
	}
	return isTTY
}

func forced(value string) bool { return value != "" && value != "0" }

// file is what has a descriptor that can be asked about: an *os.File.
type file interface{ Fd() uintptr }

var _ file = (*os.File)(nil)

// IsTerminal reports whether a stream, a reader or a writer, is a terminal.
func IsTerminal(stream any) bool {
	f, ok := stream.(file)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Width returns the columns of the terminal with that file descriptor, and 0, which means no
// limit, for anything else.
func Width(fd int) int {
	width, _, err := term.GetSize(fd)
	if err != nil {
		return 0
	}
	return width
}

// WidthOf is Width for a stream.
func WidthOf(w io.Writer) int {
	if f, ok := w.(file); ok {
		return Width(int(f.Fd()))
	}
	return 0
}
