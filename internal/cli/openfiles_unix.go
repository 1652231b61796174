//go:build unix

package cli

import (
	"context"
	"syscall"
)

const fewFiles = 1024

// openFiles looks at how many files, and therefore connections, this process may have open.
func openFiles(context.Context) examination {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return worrying("", "the limit is not known: %v", err)
	}
	if uint64(limit.Cur) < fewFiles { //nolint:unconvert // signed on some systems
		return worrying("ulimit -n 4096", "at most %d, which is few", limit.Cur)
	}
	return healthy("at most %d", limit.Cur)
}
