package cdp

import (
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// EnvironmentVariable names the browser to use, as a path or a command.
const EnvironmentVariable = "PASSRIG_CHROME"

// minMajor is the first Chromium that has everything the driver leans on: WebAuthn's JSON methods
// and Signal API (132), and setCredentialProperties for backup flags.
const minMajor = 132

// browsers are the commands looked for, the quickest first.
func browsers(goos string) []string {
	names := []string{
		"chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser",
		"google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "microsoft-edge-stable", "msedge",
	}
	switch goos {
	case "darwin":
		names = append(names,
			"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
			"/Applications/Chromium.app/Contents/MacOS/Chromium",
			"/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge")
	case "windows":
		names = append(names,
			`C:\Program Files\Google\Chrome\Application\chrome.exe`,
			`C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe`)
	}
	return names
}

// MissingError says that there is no browser to drive.
type MissingError struct {
	// Wanted is what [EnvironmentVariable] or [Config.Path] asked for; empty when every usual name
	// was tried.
	Wanted string
	Err    error
}

// Error implements error.
func (e *MissingError) Error() string {
	if e.Wanted != "" {
		return fmt.Sprintf("browser %q cannot be started: %v", e.Wanted, e.Err)
	}
	return "no Chromium, Chrome or Edge was found"
}

// Unwrap returns the reason.
func (e *MissingError) Unwrap() error { return e.Err }

// Hint is the one command that helps.
func (e *MissingError) Hint() string {
	return "install one with: " + installCommand(runtime.GOOS) + " (or name one in " + EnvironmentVariable + ")"
}

func installCommand(goos string) string {
	switch goos {
	case "darwin":
		return "brew install --cask google-chrome"
	case "windows":
		return "winget install Google.Chrome"
	}
	return "sudo apt-get install chromium"
}

// Find returns the path of the browser that [EnvironmentVariable] names, or of the first one
// installed. lookPath is [exec.LookPath] and lookupEnv [os.LookupEnv]. Nothing is ever downloaded;
// the error is a [*MissingError].
func Find(lookPath func(file string) (string, error), lookupEnv func(key string) (string, bool)) (string, error) {
	if wanted, _ := lookupEnv(EnvironmentVariable); strings.TrimSpace(wanted) != "" {
		path, err := lookPath(wanted)
		if err != nil {
			return "", &MissingError{Wanted: wanted, Err: err}
		}
		return path, nil
	}
	for _, name := range browsers(runtime.GOOS) {
		path, err := lookPath(name)
		if err == nil {
			return path, nil
		}
		if errors.Is(err, exec.ErrDot) {
			continue // what lies in the working directory is not installed
		}
	}
	return "", &MissingError{Err: exec.ErrNotFound}
}
