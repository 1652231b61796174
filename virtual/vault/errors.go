package vault

import (
	"errors"
	"fmt"
	"strings"
)

// ErrPassword is wrapped by errors about data whose password is missing or wrong.
var ErrPassword = errors.New("wrong or missing password")

// FormatError tells why nothing can be made of data.
type FormatError struct {
	Format Format // empty if it could not be told
	// Offset is the place in bytes from the beginning of the data, of its decrypted part where Path says so.
	Offset int64
	// Path is the place as a JSON path such as "$.accounts[0].items", with "data: " before it in decrypted data.
	Path    string
	Problem string // a clause without a full stop
	Hint    string // what to do about it; may be empty

	cause error
}

// Error implements error. The hint is not part of it.
func (e *FormatError) Error() string {
	var b strings.Builder
	if e.Format != "" {
		fmt.Fprintf(&b, "%s: ", e.Format)
	}
	fmt.Fprintf(&b, "byte %d, %s: %s", e.Offset, e.Path, e.Problem)
	return b.String()
}

// Unwrap returns the underlying error, if there is one.
func (e *FormatError) Unwrap() error { return e.cause }
