package virtual

import (
	"context"
	"errors"
	"fmt"
)

// ErrorName is the name of a DOMException, or TypeError.
type ErrorName string

// The names a ceremony fails with (WebAuthn L3 §5.1.3 and §5.1.4).
const (
	AbortError        ErrorName = "AbortError"        // the context ended
	ConstraintError   ErrorName = "ConstraintError"   // residentKey or userVerification "required" cannot be met
	InvalidStateError ErrorName = "InvalidStateError" // a credential of excludeCredentials is on the device
	NotAllowedError   ErrorName = "NotAllowedError"   // no suitable credential, and everything else
	NotSupportedError ErrorName = "NotSupportedError" // no algorithm in common, or a misused extension
	SecurityError     ErrorName = "SecurityError"     // the origin may not use WebAuthn or not this RP ID
	SyntaxError       ErrorName = "SyntaxError"       // malformed credential ids in prf.evalByCredential
	TypeError         ErrorName = "TypeError"         // the options are not valid
	UnknownError      ErrorName = "UnknownError"      // the authenticator itself failed
)

// Error is how a ceremony fails: what navigator.credentials would reject its promise with. Browsers
// hide the reason of a NotAllowedError from pages; Message tells it.
type Error struct {
	Name    ErrorName
	Message string

	cause error
}

// Error implements error.
func (e *Error) Error() string {
	return string(e.Name) + ": " + e.Message
}

// Unwrap returns the underlying error, if there is one.
func (e *Error) Unwrap() error {
	return e.cause
}

func refuse(name ErrorName, format string, args ...any) *Error {
	err := fmt.Errorf(format, args...)
	return &Error{Name: name, Message: err.Error(), cause: errors.Unwrap(err)}
}

// aborted returns an AbortError if ctx has ended.
func aborted(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return refuse(AbortError, "ceremony aborted: %w", err)
	}
	return nil
}
