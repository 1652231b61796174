//go:build !unix

package cli

import "context"

// openFiles has nothing to look at: this system limits open files by memory only.
func openFiles(context.Context) examination { return healthy("no limit") }
