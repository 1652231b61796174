package fleet

import "github.com/passrig/passrig/virtual"

// Behavior is how the users' authenticators behave, as in [Config].
func (f *Fleet) Behavior() virtual.Config { return f.cfg.Device }
