package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// request is one of a recording.
type request struct {
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"`
	Status int             `json:"status"` // of its answer
}

// replay is the floor of a transport: it sends the requests of a recording, takes the session's cookie from
// an answer to the next request, looks at the status, and leaves all else out. What it sends as a credential
// is the same each time, and made by nobody.
func replay(s settings, transport func() sender) (func(name string) (work, error), error) {
	data, err := os.ReadFile(s.recording)
	if err != nil {
		return nil, err
	}
	var recording map[string][]request
	if err := json.Unmarshal(data, &recording); err != nil {
		return nil, err
	}
	requests := recording[s.what]
	return func(string) (work, error) {
		send := transport()
		return func(string) error { return play(send, requests) }, nil
	}, nil
}

func play(send sender, requests []request) error {
	cookie := ""
	for _, r := range requests {
		a, err := send(r.Path, cookie, r.Body)
		if err == nil {
			err = a.must(r.Status)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", r.Path, err)
		}
		if a.cookie != "" {
			cookie = a.cookie
		}
	}
	return nil
}
