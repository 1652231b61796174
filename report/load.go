package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
)

// MaxFileSize is the largest result file [Load] reads, in bytes.
const MaxFileSize = 256 << 20

// A result has at most a handful of levels of its own, and evidence adds a few. Deeper input is
// not one of ours and would only cost stack.
const maxNesting = 100

const schemaPrefix = "passrig/run/"

const (
	hintWhat    = "a run file is what passrig writes with --report json=FILE"
	hintChanged = "it was changed after it was written; take the file as passrig wrote it"
)

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
// know are ignored, since a schema version only grows; another schema, an unknown verdict, a member that is there twice or
// anything after the result is an error. The summary is counted anew. The error is a [*LoadError], or wraps what r returned.
func Load(r io.Reader) (*Run, error) { return load(r, MaxFileSize) }

func load(r io.Reader, limit int64) (*Run, error) {
	data, err := readAll(r, limit)
	if err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if err := checkShape(data); err != nil {
		return nil, err
	}
	if err := checkSchema(data); err != nil {
		return nil, err
	}
	if at, path := twice(data); at >= 0 {
		return nil, &LoadError{Message: fmt.Sprintf("run file: %s is there twice, again at %s", path, place(data, int64(at))), Hint: hintChanged}
	}
	run := new(Run)
	if err := json.Unmarshal(data, run); err != nil {
		return nil, misfit(data, err)
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

// readAll reads at most limit bytes. A file is read into memory of its size, without growing.
func readAll(r io.Reader, limit int64) ([]byte, error) {
	var b bytes.Buffer
	if f, ok := r.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			b.Grow(int(min(info.Size(), limit)) + bytes.MinRead)
		}
	}
	n, err := b.ReadFrom(io.LimitReader(r, limit+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read run file: %w", err)
	case n > limit:
		return nil, &LoadError{
			Message: fmt.Sprintf("run file is larger than %d MiB", limit>>20),
			Hint:    "a result of this size is not one of ours; make it in shards, and compare those",
		}
	}
	return b.Bytes(), nil
}

// misfit says which member of a JSON file does not fit the model, and where it is.
func misfit(data []byte, err error) error {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	if !ok {
		return &LoadError{Message: "run file cannot be read", Err: err, Hint: hintChanged}
	}
	path, start := member(data, wrong.Offset-1) // the last byte of a text or number, the bracket of what is more
	article := "a "
	if wrong.Value == "array" || wrong.Value == "object" {
		article = "an "
	}
	return &LoadError{Message: fmt.Sprintf("run file: %s is %s at %s, which does not fit", path, article+wrong.Value, place(data, start)), Hint: hintChanged}
}

// checkShape makes sure that data is exactly one JSON object, and not a bottomless one.
func checkShape(data []byte) error {
	trimmed := bytes.TrimSpace(data)
	if len(trimmed) == 0 {
		return &LoadError{Message: "run file is empty", Hint: hintWhat}
	}
	if trimmed[0] != '{' {
		return &LoadError{Message: "not a passrig run file: it is not a JSON object", Hint: hintWhat}
	}
	if at := tooDeep(data); at >= 0 {
		return &LoadError{Message: fmt.Sprintf("not a passrig run file: nested deeper than %d levels at %s", maxNesting, place(data, int64(at))), Hint: hintWhat}
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
		return &LoadError{Message: "not a passrig run file: something follows the result at " + place(data, dec.InputOffset()), Hint: hintWhat}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &LoadError{
			Message: "run file is truncated at " + place(data, int64(len(data))),
			Hint:    "it was cut off while being written or copied; run again, or fetch it again",
		}
	case isSyntax:
		return &LoadError{Message: "not a passrig run file: bad JSON at " + place(data, syntax.Offset-1), Err: err, Hint: hintWhat}
	}
	return &LoadError{Message: "not a passrig run file: bad JSON", Err: err, Hint: hintWhat}
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
		Tool   any `json:"tool"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return misfit(data, err)
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
			Hint:    "this passrig reads " + Schema + "; update it" + madeBy(head.Tool),
		}
	}
	return &LoadError{Message: fmt.Sprintf("not a passrig run file: schema is %q, want %q", Shorten(fmt.Sprint(head.Schema), 60), Schema), Hint: hintWhat}
}

// madeBy names the version that made a file, as far as it says so.
func madeBy(tool any) string {
	made, _ := tool.(map[string]any)
	version, _ := made["version"].(string)
	if version == "" {
		return ", or use the version that made the file"
	}
	return ", or use the version that made the file, " + OneLine(Shorten(version, 60))
}

// checkVerdicts refuses verdicts that are not known: a writer could only show them as nothing.
func (r *Run) checkVerdicts() error {
	var err error
	check := func(v Verdict, where string, index ...any) {
		if err == nil && !v.Valid() {
			err = &LoadError{
				Message: fmt.Sprintf("run file: "+where+" has verdict %q", append(index, Shorten(string(v), 60))...),
				Hint:    "expected one of pass, fail, warn, info, skip, error",
			}
		}
	}
	for i := range r.Scenarios {
		check(r.Scenarios[i].Verdict, "scenarios[%d]", i)
	}
	for i := range r.Checks {
		check(r.Checks[i].Verdict, "checks[%d]", i)
	}
	for i := range r.Steps {
		check(r.Steps[i].Verdict, "steps[%d]", i)
	}
	for i := range r.Thresholds {
		check(r.Thresholds[i].Verdict, "thresholds[%d]", i)
	}
	if r.Load != nil && r.Load.Limit != nil {
		for i := range r.Load.Limit.Points {
			check(r.Load.Limit.Points[i].Verdict, "load.limit.points[%d]", i)
		}
	}
	if r.Matrix == nil {
		return err
	}
	for i := range r.Matrix.Cells {
		for j := range r.Matrix.Cells[i].Facets {
			f := &r.Matrix.Cells[i].Facets[j]
			check(f.Verdict, "matrix.cells[%d].facets[%d]", i, j)
			for k := range f.Steps {
				check(f.Steps[k].Verdict, "matrix.cells[%d].facets[%d].steps[%d]", i, j, k)
			}
		}
	}
	return err
}
