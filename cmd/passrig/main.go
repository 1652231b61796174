// Command passrig is a test rig for passkeys: it runs scenarios against any relying party.
package main

import (
	"os"

	"github.com/passrig/passrig/internal/cli"
)

// version is set by a release build: -ldflags "-X main.version=v1.2.3".
var version string

func main() { os.Exit(cli.Main(os.Args[1:], cli.OSEnv(version))) }
