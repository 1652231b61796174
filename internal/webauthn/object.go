package webauthn

import (
	"encoding/json"
	"errors"
	"fmt"
)

// object reads the members of one JSON object and remembers the first mistake with the path of
// the member it was found in. A null member counts as absent. After a mistake reads do nothing,
// so a decoder can be written without a check after every line.
type object struct {
	path    string // of this object, for messages: "options: user"
	members map[string]json.RawMessage
	failure *error // shared with the objects below
}

// newObject reads data as an object; what names it in messages.
func newObject(what string, data []byte) *object {
	o := &object{path: what, failure: new(error)}
	o.fill(data)
	return o
}

func (o *object) fill(data []byte) {
	if err := json.Unmarshal(data, &o.members); err != nil {
		if json.Valid(data) {
			err = errors.New("want a JSON object")
		}
		o.fail(err)
	} else if o.members == nil {
		o.fail(errors.New("want a JSON object, got null"))
	}
}

func (o *object) fail(err error) {
	if *o.failure == nil {
		*o.failure = fmt.Errorf("%s: %w", o.path, err)
	}
}

func (o *object) failMember(name, want string) {
	o.fail(fmt.Errorf("%s: want %s", name, want))
}

// err is the first mistake.
func (o *object) err() error {
	return *o.failure
}

func (o *object) get(name string) (json.RawMessage, bool) {
	raw, ok := o.members[name]
	return raw, ok && string(raw) != "null" && *o.failure == nil
}

// require records a mistake for the first of the named members that is absent.
func (o *object) require(names ...string) {
	for _, name := range names {
		if raw, ok := o.members[name]; !ok || string(raw) == "null" {
			o.fail(fmt.Errorf("no %s", name))
			return
		}
	}
}

func (o *object) text(name string) (s string) {
	if raw, ok := o.get(name); ok && json.Unmarshal(raw, &s) != nil {
		o.failMember(name, "a string")
		return ""
	}
	return s
}

func (o *object) boolean(name string) (b bool) {
	if raw, ok := o.get(name); ok && json.Unmarshal(raw, &b) != nil {
		o.failMember(name, "true or false")
		return false
	}
	return b
}

func (o *object) integer(name string) (n int64) {
	raw, ok := o.get(name)
	if !ok {
		return 0
	}
	// JavaScript numbers: 60000.0 and 6e4 are the same integer.
	var f float64
	if err := json.Unmarshal(raw, &f); err != nil || f != float64(int64(f)) || f > 1<<53 || f < -(1<<53) {
		o.failMember(name, "an integer")
		return 0
	}
	return int64(f)
}

func (o *object) binary(name string) Base64URL {
	raw, ok := o.get(name)
	if !ok {
		return nil
	}
	var b Base64URL
	if err := b.UnmarshalJSON(raw); err != nil {
		o.fail(fmt.Errorf("%s: %w", name, err))
		return nil
	}
	return b
}

func (o *object) texts(name string) (list []string) {
	if raw, ok := o.get(name); ok && json.Unmarshal(raw, &list) != nil {
		o.failMember(name, "a list of strings")
		return nil
	}
	return list
}

// raws reads an object whose members are left undecoded.
func (o *object) raws(name string) (m map[string]json.RawMessage) {
	if raw, ok := o.get(name); ok && json.Unmarshal(raw, &m) != nil {
		o.failMember(name, "an object")
		return nil
	}
	return m
}

// object reads a nested object; nil when it is absent.
func (o *object) object(name string) *object {
	raw, ok := o.get(name)
	if !ok {
		return nil
	}
	sub := &object{path: o.path + ": " + name, failure: o.failure}
	sub.fill(raw)
	return sub
}

// objects reads a list of objects.
func (o *object) objects(name string) []*object {
	raw, ok := o.get(name)
	if !ok {
		return nil
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		o.failMember(name, "a list of objects")
		return nil
	}
	list := make([]*object, len(items))
	for i, item := range items {
		list[i] = &object{path: fmt.Sprintf("%s: %s[%d]", o.path, name, i), failure: o.failure}
		list[i].fill(item)
	}
	return list
}
