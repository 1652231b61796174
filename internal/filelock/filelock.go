// Package filelock keeps two runs from using one file at the same time.
package filelock

import "errors"

// ErrInUse is the error of a file that another run has locked.
var ErrInUse = errors.New("in use by another run")
