package rp

import (
	"fmt"

	"github.com/passrig/passrig/scenarios"
)

// readResult reads what whoami and list answered.
func (r *run) readResult() error {
	spec := r.op.Result
	if spec == nil || r.answer == nil {
		return nil
	}
	if spec.User != nil {
		v, err := spec.User.Eval(r.responseEnv())
		if err != nil {
			return r.answer.unreadable(err)
		}
		if r.result.User, err = scalar("user", v); err != nil {
			return r.answer.unreadable(err)
		}
	}
	if spec.Entries != nil {
		return r.readEntries(spec)
	}
	return nil
}

func (r *run) readEntries(spec *scenarios.ResultSpec) error {
	v, err := spec.Entries.Eval(r.responseEnv())
	if err != nil {
		return r.answer.unreadable(err)
	}
	list, ok := v.([]any)
	if !ok {
		return r.answer.unreadable(fmt.Errorf("%s: %q is %T, not a list", spec.Entries.Pos(), spec.Entries.Source(), v))
	}
	r.result.Entries = make([]Entry, 0, len(list))
	for _, raw := range list {
		env := r.responseEnv()
		env["entry"] = raw
		entry := Entry{Raw: raw}
		if entry.ID, err = evalOptional(spec.ID, env); err != nil {
			return r.answer.unreadable(err)
		}
		credential, err := evalOptional(spec.Credential, env)
		if err != nil {
			return r.answer.unreadable(err)
		}
		name, err := evalOptional(spec.Name, env)
		if err != nil {
			return r.answer.unreadable(err)
		}
		if entry.Credential, err = scalar("credential", credential); err != nil {
			return r.answer.unreadable(err)
		}
		if entry.Name, err = scalar("name", name); err != nil {
			return r.answer.unreadable(err)
		}
		r.result.Entries = append(r.result.Entries, entry)
	}
	return nil
}

// scalar is a value of the answer as text; nothing is "".
func scalar(what string, v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	case int, float64, bool:
		return fmt.Sprint(v), nil
	default:
		return "", fmt.Errorf("result.%s is a list or an object, not a text", what)
	}
}

func evalOptional(e *scenarios.Expr, env scenarios.Env) (any, error) {
	if e == nil {
		return nil, nil
	}
	return e.Eval(env)
}
