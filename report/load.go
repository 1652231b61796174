package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// MaxFileSize is the largest result file [Load] reads, in bytes.
const MaxFileSize = 256 << 20

// A result has at most a handful of levels of its own, and evidence adds a few. Deeper input is
// not one of ours and would only cost stack.
const maxNesting = 100

const schemaPrefix = "passrig/run/"

// LoadError says why a file is not a result that can be used, and what to do about it.
type LoadError struct {
	Message string
	Hint    string // may be empty
	Err     error  // the cause, where there is one
}

// Error returns the message, with the cause where there is one.
func (e *LoadError) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *LoadError) Unwrap() error { return e.Err }

// Load reads a result file (JSON, [Schema]) of at most [MaxFileSize] bytes. Members it does not
// know are ignored, since a schema version only grows; another schema, an unknown verdict or
// anything after the result is an error. The summary is counted anew. The error is a [*LoadError], or wraps what r returned.
func Load(r io.Reader) (*Run, error) { return load(r, MaxFileSize) }

func load(r io.Reader, limit int64) (*Run, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read run file: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, &LoadError{Message: fmt.Sprintf("run file is larger than %d MiB", limit>>20)}
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := checkShape(data); err != nil {
		return nil, err
	}
	if err := checkSchema(data); err != nil {
		return nil, err
	}
	run := new(Run)
	if err := json.Unmarshal(data, run); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, &LoadError{Message: fmt.Sprintf("run file: %s is a %s at byte %d, which does not fit",
				wrong.Field, wrong.Value, wrong.Offset)}
		}
		return nil, &LoadError{Message: "run file cannot be read", Err: err}
	}
	if err := run.checkVerdicts(); err != nil {
		return nil, err
	}
	if err := run.Load.check(); err != nil {
		return nil, err
	}
	run.Summary = run.Summarize() // what the file says of itself may have been edited
	return run, nil
}

// checkShape makes sure that data is exactly one JSON object, and not a bottomless one.
func checkShape(data []byte) error {
	const hint = "a run file is what passrig writes with --report json=FILE"
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 {
		return &LoadError{Message: "run file is empty", Hint: hint}
	}
	if trimmed[0] != '{' {
		return &LoadError{Message: "not a passrig run file: it is not a JSON object", Hint: hint}
	}
	if at := tooDeep(data); at >= 0 {
		return &LoadError{Message: fmt.Sprintf("not a passrig run file: nested deeper than %d levels at byte %d", maxNesting, at)}
	}
	if json.Valid(data) {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	var first json.RawMessage
	err := dec.Decode(&first)
	syntax, isSyntax := errors.AsType[*json.SyntaxError](err)
	switch {
	case err == nil:
		return &LoadError{Message: fmt.Sprintf("not a passrig run file: something follows the result at byte %d", dec.InputOffset())}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &LoadError{
			Message: fmt.Sprintf("run file is truncated at byte %d", len(data)),
			Hint:    "it was cut off while being written or copied; run again, or fetch it again",
		}
	case isSyntax:
		return &LoadError{Message: fmt.Sprintf("not a passrig run file: bad JSON at byte %d", syntax.Offset), Err: err, Hint: hint}
	}
	return &LoadError{Message: "not a passrig run file: bad JSON", Err: err, Hint: hint}
}

// tooDeep returns the offset of the bracket that nests too deep, or -1.
func tooDeep(data []byte) int {
	depth, inString := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			if depth++; depth > maxNesting {
				return i
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}

func checkSchema(data []byte) error {
	var head struct {
		Schema any `json:"schema"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return &LoadError{Message: "not a passrig run file", Err: err}
	}
	schema, isString := head.Schema.(string)
	version, ours := strings.CutPrefix(schema, schemaPrefix)
	number, err := strconv.Atoi(version)
	current, _ := strconv.Atoi(strings.TrimPrefix(Schema, schemaPrefix))
	switch {
	case schema == Schema:
		return nil
	case head.Schema == nil:
		return &LoadError{Message: "not a passrig run file: it has no schema", Hint: fmt.Sprintf("expected a member \"schema\": %q", Schema)}
	case isString && ours && err == nil && number > current:
		return &LoadError{
			Message: "made by a newer passrig: schema " + schema,
			Hint:    "this passrig reads " + Schema + "; update it, or render the report with the version that made the file",
		}
	}
	return &LoadError{Message: fmt.Sprintf("not a passrig run file: schema is %q, want %q", fmt.Sprint(head.Schema), Schema)}
}

// checkVerdicts refuses verdicts that are not known: a writer could only show them as nothing.
func (r *Run) checkVerdicts() error {
	check := func(v Verdict, what string, i int) error {
		if v.Valid() {
			return nil
		}
		return &LoadError{Message: fmt.Sprintf("run file: %s[%d] has verdict %q", what, i, v), Hint: "expected one of pass, fail, warn, info, skip, error"}
	}
	var errs []error
	for i := range r.Scenarios {
		errs = append(errs, check(r.Scenarios[i].Verdict, "scenarios", i))
	}
	for i := range r.Checks {
		errs = append(errs, check(r.Checks[i].Verdict, "checks", i))
	}
	for i := range r.Steps {
		errs = append(errs, check(r.Steps[i].Verdict, "steps", i))
	}
	for i := range r.Thresholds {
		errs = append(errs, check(r.Thresholds[i].Verdict, "thresholds", i))
	}
	if r.Load != nil && r.Load.Limit != nil {
		for i := range r.Load.Limit.Points {
			errs = append(errs, check(r.Load.Limit.Points[i].Verdict, "load.limit.points", i))
		}
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
