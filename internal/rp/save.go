package rp

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/passrig/passrig/scenarios"
)

// save keeps values of the last answer for the session.
func (r *run) save(specs map[string]scenarios.Save) error {
	values, err := r.extract(specs)
	if err != nil {
		return err
	}
	maps.Copy(r.session.saved, values)
	return nil
}

// extract takes the values out of the last answer; a value that is not there is a fault unless optional.
func (r *run) extract(specs map[string]scenarios.Save) (map[string]any, error) {
	values := make(map[string]any, len(specs))
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		spec := specs[name]
		v, err := r.value(&spec)
		if err != nil {
			return nil, r.answer.unreadable(err)
		}
		if v == nil {
			if spec.Optional {
				continue
			}
			return nil, r.missing(name, &spec)
		}
		values[name] = v
		if spec.Secret {
			r.session.learn(name, v)
		}
	}
	return values, nil
}

// value is the value of one save, or nil if the answer does not have it.
func (r *run) value(spec *scenarios.Save) (any, error) {
	a := r.answer
	switch {
	case spec.JSON != nil:
		return spec.JSON.Eval(r.responseEnv())
	case spec.Header != "":
		if v := a.header.Get(spec.Header); v != "" {
			return v, nil
		}
	case spec.Cookie != "":
		if v, ok := r.session.cookie(a.url, spec.Cookie); ok {
			return v, nil
		}
	case spec.CSS != "":
		return selectHTML(a.raw, spec.CSS, spec.Attr)
	case spec.Regex != "":
		re, err := regexp.Compile(spec.Regex)
		if err != nil {
			return nil, err
		}
		if m := re.FindSubmatch(a.raw); m != nil {
			return string(m[min(1, len(m)-1)]), nil
		}
	}
	return nil, nil
}

func selectHTML(raw []byte, selector, attr string) (any, error) {
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	found := doc.Find(selector).First()
	if found.Length() == 0 {
		return nil, nil
	}
	wanted := []string{"value", "content"}
	if attr != "" {
		wanted = []string{attr}
	}
	for _, name := range wanted {
		if v, ok := found.Attr(name); ok {
			return v, nil
		}
	}
	if attr != "" {
		return nil, nil
	}
	return strings.TrimSpace(found.Text()), nil
}

func (r *run) missing(name string, spec *scenarios.Save) *Fault {
	a := r.answer
	f := &Fault{Kind: FaultMissing, Hint: "does the adapter fit this version of the relying party?"}
	switch {
	case spec.Cookie != "":
		f.Sentence = fmt.Sprintf("%s answered %d but set no cookie %q", a.what, a.status, spec.Cookie)
		f.Hint = "cookies set: " + members(r.session.cookies(a.url))
	case spec.Header != "":
		f.Sentence = fmt.Sprintf("%s answered %d without a %s header", a.what, a.status, spec.Header)
	case spec.CSS != "":
		f.Sentence = fmt.Sprintf("%s answered %d with no element %q for %s", a.what, a.status, spec.CSS, name)
	case spec.Regex != "":
		f.Sentence = fmt.Sprintf("%s answered %d with nothing that matches %q for %s", a.what, a.status, spec.Regex, name)
	default:
		f.Sentence = fmt.Sprintf("%s answered %s, which has no value at %s for %s", a.what, a.summary(), spec.JSON.Source(), name)
	}
	return f
}

// unexpected is the fault for an answer that is neither the adapter's yes nor its no.
func (r *run) unexpected(step *scenarios.HTTPStep) *Fault {
	a := r.answer
	f := &Fault{Kind: FaultUnexpected, Sentence: fmt.Sprintf("%s answered %s, which is neither a yes nor a no", a.what, a.summary())}
	accept, reject := "status in 200..299", "status in 400..499"
	if step.Accept != nil {
		accept = step.Accept.Source()
	}
	if step.Reject != nil {
		reject = step.Reject.Source()
	}
	f.Hint = fmt.Sprintf("the adapter takes %q as a yes and %q as a no", accept, reject)
	if !a.isJSON && len(bytes.TrimSpace(a.raw)) > 0 && strings.Contains(accept+reject, "body") {
		return a.notJSON(nil)
	}
	if a.status >= 500 {
		f.Hint += "; the relying party's log should say why it failed"
	}
	return f
}
